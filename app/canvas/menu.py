"""What one can do on the canvas, as rows with keys, and the menu at the pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QT_TRANSLATE_NOOP, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from app.canvas.annotations import Annotations
from app.canvas.camera import Camera
from app.canvas.editor import Editor
from app.canvas.learning import Learning
from app.canvas.minimap import Minimap
from app.canvas.selection import Selection
from app.document.document import Document
from app.widgets import actions
from app.widgets.actions import EDIT, GRAPH, VIEW, Action
from graphcore.graph.elements import Edge


class Parts(Protocol):
    """The parts of a canvas that its actions act on."""

    document: Document
    camera: Camera
    selection: Selection
    editor: Editor
    annotations: Annotations
    learning: Learning
    minimap: Minimap


def _(text: str) -> str:
    return str(QT_TRANSLATE_NOOP("Actions", text))


# -- what is needed ---------------------------------------------------------------------------


def anything(c: Parts) -> bool:
    """Whether a node, an edge or a note is selected."""
    return not c.selection.empty


def nodes(c: Parts) -> bool:
    """Whether a node is selected."""
    return c.selection.count > 0


def one(c: Parts) -> bool:
    """Whether exactly one node is selected."""
    return c.selection.count == 1


def several(c: Parts) -> bool:
    """Whether two nodes or more are selected."""
    return c.selection.count > 1


def composite(c: Parts) -> bool:
    """Whether the one selected node is a composite."""
    return one(c) and c.document.graph.node(c.selection.names()[0]).subgraph is not None


def framed(c: Parts) -> bool:
    """Whether a selected node is in a frame."""
    graph = c.document.graph
    return bool(graph.frames) and any(graph.node(n).frame for n in c.selection.names())


def inside(c: Parts) -> bool:
    """Whether the inside of a composite is shown."""
    return len(c.document.levels) > 1


def filled(c: Parts) -> bool:
    """Whether there is a node."""
    return len(c.document.graph) > 0


# -- the rows ---------------------------------------------------------------------------------

EDIT_ROWS: tuple[Action[Parts], ...] = (
    Action("cut", _("Cu&t"), "Ctrl+X", "cut", _("Move the selected nodes to the clipboard."),
           (EDIT,), lambda c: c.editor.cut(), anything, separated=True, canvas=True),
    Action("copy", _("&Copy"), "Ctrl+C", "copy", _("Copy the selected nodes as text."), (EDIT,),
           lambda c: c.editor.copy(), anything, canvas=True),
    Action("paste", _("&Paste"), "Ctrl+V", "paste", _("Paste nodes at the pointer."), (EDIT,),
           lambda c: c.editor.paste(), at=lambda c, at: c.editor.paste_at(at), canvas=True),
    Action("duplicate", _("&Duplicate"), "Ctrl+D", "duplicate",
           _("Duplicate the selected nodes."), (EDIT,),
           lambda c: c.editor.duplicate(), nodes),
    Action("delete", _("De&lete"), "Del", "delete", _("Remove the selected nodes and edges."),
           (EDIT,), lambda c: c.editor.delete_selection(), anything, canvas=True),
    Action("select_all", _("Select &All"), "Ctrl+A", "select_all", _("Select every node."),
           (EDIT,), lambda c: c.selection.select_all(), filled, separated=True, canvas=True),
)  # fmt: skip

VIEW_ROWS: tuple[Action[Parts], ...] = (
    Action("fit_all", _("Fit &All"), "Home", "fit_all", _("Show the whole graph."), (VIEW,),
           lambda c: c.camera.fit_all(), filled, canvas=True),
    Action("fit_selection", _("Fit &Selection"), "F", "fit_selection",
           _("Show the selected nodes."), (VIEW,),
           lambda c: c.camera.fit_nodes(c.selection.names()), nodes, canvas=True),
    Action("zoom_in", _("Zoom &In"), "Ctrl++", "zoom_in", _("Come closer."), (VIEW,),
           lambda c: c.camera.zoom_in()),
    Action("zoom_out", _("Zoom &Out"), "Ctrl+-", "zoom_out", _("Step back."), (VIEW,),
           lambda c: c.camera.zoom_out()),
    Action("zoom_reset", _("&100 %"), "Ctrl+0", "zoom_reset", _("One to one."), (VIEW,),
           lambda c: c.camera.zoom_reset()),
)  # fmt: skip

GRAPH_ROWS: tuple[Action[Parts], ...] = (
    Action("add", _("&Add Node…"), "Tab", "add", _("Search for an operator and add it."),
           (GRAPH,), lambda c: c.editor.search_to_add(), at=lambda c, at: c.editor.search_at(at),
           canvas=True),
    Action("add_note", _("Add N&ote"), "N", "add", _("Write a text on the canvas."), (GRAPH,),
           lambda c: c.annotations.add_note(), at=lambda c, at: c.annotations.add_note(at),
           canvas=True),
    Action("replace_head", _("Replace &Head…"), "", "",
           _("Put a fresh last layer in place, for the classes of other data."), (GRAPH,),
           lambda c: c.learning.ask_for_head(), filled),
    Action("arrange", _("A&rrange"), "Ctrl+L", "arrange",
           _("Arrange the graph from left to right."), (GRAPH,), lambda c: c.editor.arrange(),
           filled),
)  # fmt: skip

SELECTED_ROWS: tuple[Action[Parts], ...] = (
    Action("rename", _("Rename"), "F2", "", _("Give the selected node another name."), (),
           lambda c: c.annotations.rename_selected(), one, canvas=True),
    Action("edit", _("Edit"), "", "", _("Set what the selected node computes."), (),
           lambda c: c.editor.open_node(c.selection.names()[0]), one, canvas=True),
    Action("connect", _("Connect to…"), "C", "", _("Choose a port for an edge to or from it."), (),
           lambda c: c.editor.connect_selected(), one, canvas=True),
    Action("change", _("Change to…"), "Shift+C", "",
           _("Replace the operator of the selected nodes; their edges stay."), (),
           lambda c: c.editor.change_selected(), nodes, canvas=True),
    Action("bypass", _("Bypass"), "B", "", _("Bypass the node: its input is its output."), (),
           lambda c: c.annotations.toggle_flag("bypassed"), nodes, canvas=True),
    Action("pin", _("Pin"), "P", "", _("Keep the selected nodes where they are."), (),
           lambda c: c.annotations.toggle_flag("pinned"), nodes, canvas=True),
    Action("freeze", _("Freeze up to Here"), "L", "",
           _("Keep the selected nodes and all before them as they are while training."), (),
           lambda c: c.learning.freeze(True), nodes, canvas=True),
    Action("unfreeze", _("Unfreeze from Here"), "Shift+L", "",
           _("Let the selected nodes and all after them learn."), (),
           lambda c: c.learning.freeze(False), nodes, canvas=True),
    Action("rate", _("Learning Rate Here…"), "", "",
           _("Multiply the learning rate of the selected nodes and of what is inside them."), (),
           lambda c: c.learning.ask_for_rate(), nodes, canvas=True),
    Action("frame", _("Put in a Frame"), "G", "", _("Draw a titled frame round the nodes."), (),
           lambda c: c.annotations.frame_selection(), nodes, canvas=True),
    Action("recolor", _("Next Colour of the Frame"), "Alt+G", "",
           _("Draw the frame in another colour."), (),
           lambda c: c.annotations.recolor_frames(), framed, canvas=True),
    Action("unframe", _("Take out of the Frame"), "Shift+G", "",
           _("Remove the frame; its nodes stay."), (),
           lambda c: c.annotations.unframe_selection(), framed, canvas=True),
    Action("group", _("Group into a Composite"), "Ctrl+G", "",
           _("Make one node of the selected ones."), (), lambda c: c.editor.group_selection(),
           nodes, canvas=True),
    Action("ungroup", _("Ungroup"), "Ctrl+Shift+G", "",
           _("Replace the composite by the nodes inside it."), (),
           lambda c: c.editor.ungroup_selection(), composite, canvas=True),
    Action("enter", _("Open the Composite"), "E", "", _("Show what is inside it."), (),
           lambda c: c.editor.enter_selected(), composite, canvas=True),
    Action("leave", _("Leave the Composite"), "Shift+E", "", _("Show the graph round it."), (),
           lambda c: c.document.leave(), inside, canvas=True),
    Action("keep", _("Keep as a Block"), "", "",
           _("Keep the composite for other graphs, in the library."), (),
           lambda c: c.editor.keep_selected(), composite, canvas=True),
    Action("align_left", _("Align Left"), "", "", _("Put the left sides on one line."), (),
           lambda c: c.editor.align("left"), several, canvas=True),
    Action("align_top", _("Align Top"), "", "", _("Put the upper sides on one line."), (),
           lambda c: c.editor.align("top"), several, canvas=True),
    Action("spread_row", _("Distribute in a Row"), "", "",
           _("Put equal gaps between the nodes, from left to right."), (),
           lambda c: c.editor.distribute("x"), several, canvas=True),
    Action("spread_column", _("Distribute in a Column"), "", "",
           _("Put equal gaps between the nodes, from top to bottom."), (),
           lambda c: c.editor.distribute("y"), several, canvas=True),
    Action("delete_and_reconnect", _("Delete and Reconnect"), "Backspace", "",
           _("Remove the selected nodes and join what stood on both sides."), (),
           lambda c: c.editor.delete_and_reconnect(), nodes, canvas=True),
    Action("map", _("Show or Hide the Map"), "M", "", _("The whole graph, small, in a corner."),
           (), lambda c: c.minimap.toggle(), canvas=True),
)  # fmt: skip

ROWS: tuple[Action[Parts], ...] = (*EDIT_ROWS, *VIEW_ROWS, *GRAPH_ROWS, *SELECTED_ROWS)
_BY_ID = {row.id: row for row in ROWS}
AT_POINTER = (
    "add", "paste", "add_note", "", "rename", "edit", "connect", "change", "bypass", "pin",
    "", "freeze", "unfreeze", "rate", "", "frame", "recolor", "unframe", "", "group", "ungroup",
    "enter", "leave", "keep", "",
    "align_left", "align_top", "spread_row", "spread_column", "", "cut", "copy", "duplicate",
    "delete", "delete_and_reconnect", "", "map",
)  # fmt: skip
"""Ids of what the menu at the pointer offers, as far as it can be done; "" is a line."""


class CanvasMenu(QObject):
    """The rows as actions of one canvas, and its menus.

    Attributes:
        actions: id -> QAction.
    """

    def __init__(self, canvas: QWidget, parts: Parts) -> None:
        super().__init__(canvas)
        self._canvas, self._parts = canvas, parts
        self.actions: dict[str, QAction] = {
            row.id: actions.make(row, parts, canvas) for row in ROWS
        }
        document = parts.document
        parts.selection.changed.connect(self.refresh)
        for changed in (document.undo_stack.indexChanged, document.opened, document.level_changed):
            changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Enable what can be done now."""
        actions.refresh(ROWS, self._parts, self.actions)

    def open_at(self, at: QPointF, where: QPoint) -> QMenu:
        """Open the menu at a point of the screen; ``at`` is the same point of the canvas."""
        self.refresh()
        menu = self._menu()
        for key in AT_POINTER:
            if not key:
                menu.addSeparator()
            elif self.actions[key].isEnabled():
                self._add(menu, _BY_ID[key], at)
        menu.popup(where)
        return menu

    def _add(self, menu: QMenu, row: Action[Parts], at: QPointF) -> None:
        act = row.at
        if act is None:
            menu.addAction(self.actions[row.id])
        else:
            here = menu.addAction(self.actions[row.id].icon(), actions.translated(row.text))
            here.triggered.connect(lambda: act(self._parts, at))

    def open_for_edge(self, edge: Edge, where: QPoint) -> QMenu:
        """Open the menu of an edge at a point of the screen."""
        parts, menu = self._parts, self._menu()
        rows: tuple[tuple[str, str, Callable[[], object]], ...] = (
            (_("Insert a Node…"), "", lambda: parts.editor.search_into(edge)),
            (_("Go to {0}"), edge.source, lambda: parts.selection.select(edge.source)),
            (_("Go to {0}"), edge.target, lambda: parts.selection.select(edge.target)),
            (_("Delete"), "", lambda: parts.document.disconnect_edges([edge])),
        )
        for text, end, run in rows:
            menu.addAction(actions.translated(text).format(end)).triggered.connect(run)
        menu.popup(where)
        return menu

    def _menu(self) -> QMenu:
        menu = QMenu(self._canvas)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu
