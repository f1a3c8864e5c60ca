"""What one can do with what is selected, as actions with keys and as a menu at the pointer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

if TYPE_CHECKING:
    from app.canvas.view import Canvas
    from graphcore.graph.elements import Edge


@dataclass(frozen=True)
class Row:
    """An action of the canvas.

    Attributes:
        needs: "nodes" (at least one is selected), "one" (exactly one), "several", "composite"
            (exactly one, and it is one), "framed" (one is in a frame), "inside" (of a composite),
            "" (always).
        separated: whether a line stands above it.
        elsewhere: whether the window's own table of actions has it too.
    """

    text: str
    key: str
    run: Callable[[Any], object]
    needs: str = ""
    separated: bool = False
    elsewhere: bool = False


def _(text: str) -> str:
    return str(QT_TRANSLATE_NOOP("Actions", text))


ROWS: tuple[Row, ...] = (
    Row(_("Add Node…"), "", lambda c: c.search_at(c.menu_at), elsewhere=True),
    Row(_("Paste Here"), "", lambda c: c.paste_at(c.menu_at), elsewhere=True),
    Row(_("Add Note"), "", lambda c: c.add_note(c.menu_at), elsewhere=True),
    Row(_("Rename"), "F2", lambda c: c.rename_selected(), "one", separated=True),
    Row(_("Edit"), "", lambda c: c.open_node(c.selected()[0]), "one"),
    Row(_("Connect to…"), "C", lambda c: c.connect_selected(), "one"),
    Row(_("Change to…"), "Shift+C", lambda c: c.change_selected(), "nodes"),
    Row(_("Bypass"), "B", lambda c: c.toggle_flag("bypassed"), "nodes"),
    Row(_("Pin"), "P", lambda c: c.toggle_flag("pinned"), "nodes"),
    Row(_("Put in a Frame"), "G", lambda c: c.frame_selection(), "nodes"),
    Row(_("Next Colour of the Frame"), "Alt+G", lambda c: c.recolor_frames(), "framed"),
    Row(_("Take out of the Frame"), "Shift+G", lambda c: c.unframe_selection(), "framed"),
    Row(
        _("Group into a Composite"),
        "Ctrl+G",
        lambda c: c.group_selection(),
        "nodes",
        separated=True,
    ),
    Row(_("Ungroup"), "Ctrl+Shift+G", lambda c: c.ungroup_selection(), "composite"),
    Row(_("Open the Composite"), "E", lambda c: c.enter_selected(), "composite"),
    Row(_("Leave the Composite"), "Shift+E", lambda c: c.document.leave(), "inside"),
    Row(_("Keep as a Block"), "", lambda c: c.keep_selected(), "composite"),
    Row(_("Align Left"), "", lambda c: c.align("left"), "several", separated=True),
    Row(_("Align Top"), "", lambda c: c.align("top"), "several"),
    Row(_("Distribute in a Row"), "", lambda c: c.distribute("x"), "several"),
    Row(_("Distribute in a Column"), "", lambda c: c.distribute("y"), "several"),
    Row(_("Cut"), "", lambda c: c.cut(), "nodes", separated=True, elsewhere=True),
    Row(_("Copy"), "", lambda c: c.copy(), "nodes", elsewhere=True),
    Row(_("Duplicate"), "", lambda c: c.duplicate(), "nodes", elsewhere=True),
    Row(_("Delete"), "", lambda c: c.delete_selection(), "nodes", elsewhere=True),
    Row(_("Delete and Reconnect"), "Backspace", lambda c: c.delete_and_reconnect(), "nodes"),
    Row(_("Show or Hide the Map"), "M", lambda c: c.toggle_map(), separated=True),
)


class CanvasActions:
    """The rows as actions of one canvas; keys work while the canvas has the focus."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self.actions = {row.text: self._make(row) for row in ROWS}

    def _make(self, row: Row) -> QAction:
        action = QAction(QCoreApplication.translate("Actions", row.text), self._canvas)
        action.setShortcut(QKeySequence.fromString(row.key))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.triggered.connect(lambda: self._run(row))
        self._canvas.addAction(action)
        return action

    def _run(self, row: Row) -> None:
        """Run a row if it suits what is selected now."""
        if self._possible()[row.needs]:
            row.run(self._canvas)

    def _possible(self) -> dict[str, bool]:
        """Return what the selection is enough for."""
        names, document = self._canvas.selected(), self._canvas.document
        count = len(names)
        return {
            "": True, "nodes": count > 0, "one": count == 1, "several": count > 1,
            "composite": count == 1 and document.graph.node(names[0]).subgraph is not None,
            "framed": any(document.graph.node(n).frame for n in names),
            "inside": len(document.levels) > 1,
        }  # fmt: skip

    def refresh(self) -> None:
        """Enable what can be done with the selection."""
        possible = self._possible()
        for row in ROWS:
            self.actions[row.text].setEnabled(possible[row.needs])

    def edge_menu(self, edge: Edge, where: QPoint) -> QMenu:
        """Open the menu of an edge at a point of the screen."""
        canvas = self._canvas
        menu = QMenu(canvas)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        rows: tuple[tuple[str, Callable[[], object]], ...] = (
            (_("Insert a Node…"), lambda: canvas.search_into(edge)),
            (_("Go to {0}"), lambda: canvas.select(edge.source)),
            (_("Go to {0}"), lambda: canvas.select(edge.target)),
            (_("Delete"), lambda: canvas.document.disconnect_edges([edge])),
        )
        for (text, run), end in zip(rows, ("", edge.source, edge.target, ""), strict=True):
            action = menu.addAction(QCoreApplication.translate("Actions", text).format(end))
            action.triggered.connect(run)
        menu.popup(where)
        return menu

    def menu(self, at: QPointF, where: QPoint) -> QMenu:
        """Open the menu at a point of the screen; ``at`` is the same point of the canvas."""
        self._canvas.menu_at = at
        self.refresh()
        menu = QMenu(self._canvas)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for row in ROWS:
            if row.separated:
                menu.addSeparator()
            if self.actions[row.text].isEnabled():
                menu.addAction(self.actions[row.text])
        menu.popup(where)
        return menu
