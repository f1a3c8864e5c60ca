"""Every user action, one row each; menus, toolbar, command palette and shortcuts read the table.

``run`` names what is called, seen from the main window: "files.save", "canvas.fit_all",
"document.undo_stack.undo". A row of a checkable action calls it with the new state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from app.canvas.menu import ROWS as CANVAS_ROWS
from app.settings import Settings
from app.style import icons


@dataclass(frozen=True)
class Action:
    """One row.

    Attributes:
        id: under which a changed shortcut is kept.
        shortcut: in Qt's portable form, or empty. Shortcuts marked ``canvas`` are keys that
            mean something else while one types, so they work on the canvas alone.
        menu: the menus that lead to it, outermost first; empty for none.
        run: dotted name from the main window.
        enabled: name of a condition in ``CONDITIONS``; empty for always.
        separated: whether a line stands above it in the menu.
    """

    id: str
    text: str
    shortcut: str
    icon: str
    tip: str
    menu: tuple[str, ...]
    run: str
    enabled: str = ""
    checkable: bool = False
    separated: bool = False
    canvas: bool = False


def _(text: str) -> str:
    return str(QT_TRANSLATE_NOOP("Actions", text))


FILE, EDIT, VIEW = _("&File"), _("&Edit"), _("&View")
IMPORT, EXPORT = _("&Import"), _("&Export")
GRAPH, RUN, HELP = _("&Graph"), _("&Run"), _("&Help")
GROW = _("&Grow Without Forgetting")
MENUS = (FILE, EDIT, VIEW, GRAPH, RUN, HELP)

CONDITIONS: dict[str, Callable[[Any], bool]] = {
    "undo": lambda w: w.document.undo_stack.canUndo(),
    "redo": lambda w: w.document.undo_stack.canRedo(),
    "selection": lambda w: bool(w.selection),
    "anything": lambda w: bool(w.canvas.graph_scene.selectedItems()),
    "several": lambda w: len(w.selection) > 1,
    "nodes": lambda w: len(w.document.graph) > 0,
    "engine": lambda w: w.engine is not None,
}

ACTIONS: tuple[Action, ...] = (
    Action("new", _("&New"), "Ctrl+N", "new", _("Start with an empty graph."), (FILE,),
           "files.new"),
    Action("open", _("&Open…"), "Ctrl+O", "open", _("Open a graph file."), (FILE,),
           "files.ask_open"),
    Action("presets", _("&Welcome Page"), "Ctrl+Shift+N", "presets",
           _("Graphs that ship, and the files you had open."), (FILE,), "show_welcome"),
    Action("save", _("&Save"), "Ctrl+S", "save", _("Write the graph to its file."), (FILE,),
           "files.save", separated=True),
    Action("save_as", _("Save &As…"), "Ctrl+Shift+S", "save_as",
           _("Write the graph to another file."), (FILE,), "files.save_as"),
    Action("import_script", _("&PyTorch Module…"), "", "open",
           _("A new graph from the source of an nn.Module, which is read and never run."),
           (FILE, IMPORT), "imports.open_script", "engine", separated=True),
    Action("open_run", _("Open R&un…"), "", "open",
           _("Go on from a recorded run: its graph, curves and every recorded step."), (FILE,),
           "files.ask_open_run", "engine", separated=True),
    Action("save_run", _("Sa&ve Run…"), "", "save",
           _("Keep the recorded runs in a file, with curves and every recorded step."), (FILE,),
           "files.save_run", "engine"),
    Action("load_weights", _("&Weights…"), "", "open",
           _("Fill the net from a safetensors file, by name and shape."), (FILE, IMPORT),
           "imports.load_weights", "engine"),
    Action("export", _("&Picture…"), "Ctrl+E", "export",
           _("The whole canvas as SVG, PDF or PNG."), (FILE, EXPORT), "files.export", "nodes"),
    Action("export_report", _("&Report…"), "", "export",
           _("An HTML page about the run: curves, mistakes, landscape, layers."), (FILE, EXPORT),
           "exports.save_report", "engine"),
    Action("export_metrics", _("&Metrics…"), "", "export",
           _("The curves as a table (CSV)."), (FILE, EXPORT), "exports.save_metrics", "engine",
           separated=True),
    Action("export_events", _("&TensorBoard…"), "", "export",
           _("The curves as TensorBoard event files."), (FILE, EXPORT), "exports.save_events",
           "engine"),
    Action("export_script", _("P&yTorch Script…"), "", "export",
           _("A script in plain PyTorch with the weights and a self-test."), (FILE, EXPORT),
           "exports.save_script", "engine", separated=True),
    Action("export_onnx", _("&ONNX File…"), "", "export",
           _("The net with its weights for other programs, and a self-test."), (FILE, EXPORT),
           "exports.save_onnx", "engine"),
    Action("preferences", _("&Preferences…"), "Ctrl+,", "settings",
           _("Theme, motion, recovery and the engine."), (FILE,), "show_preferences",
           separated=True),
    Action("quit", _("&Quit"), "Ctrl+Q", "quit", _("Close the window."), (FILE,), "close",
           separated=True),
    Action("undo", _("&Undo"), "Ctrl+Z", "undo", _("Take the last change back."), (EDIT,),
           "document.undo_stack.undo", "undo"),
    Action("redo", _("&Redo"), "Ctrl+Shift+Z", "redo", _("Make the change again."), (EDIT,),
           "document.undo_stack.redo", "redo"),
    Action("cut", _("Cu&t"), "Ctrl+X", "cut", _("Move the selected nodes to the clipboard."),
           (EDIT,), "canvas.cut", "anything", separated=True, canvas=True),
    Action("copy", _("&Copy"), "Ctrl+C", "copy", _("Copy the selected nodes as text."), (EDIT,),
           "canvas.copy", "anything", canvas=True),
    Action("paste", _("&Paste"), "Ctrl+V", "paste", _("Paste nodes at the pointer."), (EDIT,),
           "canvas.paste", canvas=True),
    Action("duplicate", _("&Duplicate"), "Ctrl+D", "duplicate",
           _("Another copy of the selected nodes beside them."), (EDIT,), "canvas.duplicate",
           "selection"),
    Action("delete", _("De&lete"), "Del", "delete", _("Remove the selected nodes and edges."),
           (EDIT,), "canvas.delete_selection", "anything", canvas=True),
    Action("select_all", _("Select &All"), "Ctrl+A", "select_all", _("Select every node."),
           (EDIT,), "canvas.select_all", "nodes", separated=True, canvas=True),
    Action("palette", _("Command &Palette…"), "Ctrl+Shift+P", "search",
           _("Find and run any command by typing."), (EDIT,), "show_command_palette",
           separated=True),
    Action("shortcuts", _("&Keyboard Shortcuts…"), "Ctrl+K", "keyboard",
           _("See and change every shortcut."), (EDIT,), "show_shortcuts"),
    Action("fit_all", _("Fit &All"), "Home", "fit_all", _("Show the whole graph."), (VIEW,),
           "canvas.fit_all", "nodes", canvas=True),
    Action("fit_selection", _("Fit &Selection"), "F", "fit_selection",
           _("Show the selected nodes."), (VIEW,), "canvas.fit_selection", "selection",
           canvas=True),
    Action("zoom_in", _("Zoom &In"), "Ctrl++", "zoom_in", _("Come closer."), (VIEW,),
           "canvas.zoom_in"),
    Action("zoom_out", _("Zoom &Out"), "Ctrl+-", "zoom_out", _("Step back."), (VIEW,),
           "canvas.zoom_out"),
    Action("zoom_reset", _("&100 %"), "Ctrl+0", "zoom_reset", _("One to one."), (VIEW,),
           "canvas.zoom_reset"),
    Action("reset_layout", _("&Reset Layout"), "", "reset",
           _("Put the panels of this layout where they started."), (VIEW,), "layouts.reset",
           separated=True),
    Action("light", _("&Light Theme"), "Ctrl+Shift+L", "theme",
           _("Change between dark and light."), (VIEW,), "set_light", checkable=True,
           separated=True),
    Action("full_screen", _("&Full Screen"), "F11", "full_screen",
           _("Use the whole screen."), (VIEW,), "set_full_screen", checkable=True),
    Action("to_canvas", _("Go to the &Canvas"), "F4", "graph",
           _("Let the canvas have the keys."), (VIEW,), "canvas.setFocus"),
    Action("to_outline", _("Go to the &Outline"), "F3", "outline",
           _("The graph as a tree: for keys, search and speech."), (VIEW,), "show_outline"),
    Action("add", _("&Add Node…"), "Tab", "add", _("Search for an operator and add it."),
           (GRAPH,), "canvas.search_to_add", canvas=True),
    Action("add_note", _("Add N&ote"), "N", "add", _("Write a text on the canvas."), (GRAPH,),
           "canvas.add_note", canvas=True),
    Action("arrange", _("A&rrange"), "Ctrl+L", "arrange",
           _("Lay the graph out from left to right."), (GRAPH,), "canvas.arrange", "nodes"),
    Action("train", _("&Train or Pause"), "F5", "play", _("Let the net learn, or stop."), (RUN,),
           "transport.play.click", "engine"),
    Action("one_step", _("One &Step"), "F6", "step", _("One batch forward, backward, and update."),
           (RUN,), "transport.step.click", "engine"),
    Action("one_epoch", _("To the End of the &Epoch"), "F7", "epoch",
           _("Train until every sample was seen once more."), (RUN,), "transport.epoch.click",
           "engine"),
    Action("reset", _("&Back to the Same Start"), "F8", "reset",
           _("The same initial weights and the same order of the data."), (RUN,),
           "transport.reset.click", "engine"),
    Action("grow_silent", _("New Units Start &Silent"), "", "add",
           _("New neurons and layers change nothing until they have learned."), (RUN, GROW),
           "growth.silent", "engine", checkable=True),
    Action("grow_copies", _("New Units Are &Copies"), "", "add",
           _("New neurons copy old ones and share their weights out: the function stays."),
           (RUN, GROW), "growth.copies", "engine", checkable=True),
    Action("grow_noisy", _("New Units Are Copies With &Noise"), "", "add",
           _("Copies that differ a little from the start, and so learn something else."),
           (RUN, GROW), "growth.noisy", "engine", checkable=True),
    Action("walk_step", _("Explain: One &Node On"), "F10", "step_op",
           _("Step through both passes of one sample, a node at a time."), (RUN,), "walk.step",
           "engine", separated=True),
    Action("walk_back", _("Explain: One Step Back"), "Shift+F10", "undo",
           _("Undo the last step of the walk."), (RUN,), "walk.back", "engine"),
    Action("walk_layer", _("Explain: Next &Layer"), "Ctrl+F10", "step",
           _("On to the next node with weights of its own."), (RUN,), "walk.next_layer", "engine"),
    Action("walk_pass", _("Explain: End of the &Pass"), "Ctrl+Shift+F10", "epoch",
           _("On to the end of the forward or backward pass."), (RUN,), "walk.finish_pass",
           "engine"),
    Action("walk_play", _("Explain: Slow &Motion"), "Alt+F10", "play",
           _("Go on by itself at the chosen pace."), (RUN,), "walk.toggle_play", "engine"),
    Action("walk_stop", _("Explain: Stop at the Selected Node"), "F9", "eye",
           _("A breakpoint, in either pass."), (RUN,), "toggle_breakpoint", "engine"),
    Action("record", _("Record a &Film…"), "Ctrl+Shift+R", "record",
           _("A GIF, animated PNG or MP4 of the window or a view; once more ends it."), (RUN,),
           "filming.toggle", checkable=True, separated=True),
    Action("help", _("&Operators and Keys"), "F1", "help",
           _("What every operator computes, and every key."), (HELP,), "show_help"),
    Action("guide", _("&Guide"), "", "guide",
           _("Ten short pages on nets, data and runs from a script."), (HELP,), "show_guide"),
    Action("report_problem", _("&Report a Problem…"), "", "warning",
           _("Versions and the last faults, to copy; nothing is sent."), (HELP,), "show_report"),
    Action("about", _("&About Gradscape"), "", "about", _("Version and licence."), (HELP,),
           "show_about"),
)  # fmt: skip


CANVAS_ACTIONS: tuple[Action, ...] = tuple(
    Action(f"canvas_{row.text}", row.text, row.key, "graph", row.text, (), "", canvas=True)
    for row in CANVAS_ROWS if not row.elsewhere
)  # fmt: skip
"""What the canvas's own menu offers and no row above does."""


def translated(text: str) -> str:
    """A text of the table in the user's language."""
    return QCoreApplication.translate("Actions", text)


def plain(text: str) -> str:
    """A text of the table without its mnemonic and dots."""
    return translated(text).replace("&", "").rstrip("…")


def full_name(row: Action) -> str:
    """What an action is called where its menu is not seen."""
    own = plain(row.text)
    return f"{plain(row.menu[-1])}: {own}" if len(row.menu) > 1 else own


class ActionTable(QObject):
    """The rows as QActions of one window.

    Attributes:
        rows: those of ``ACTIONS`` and the canvas's own.
        actions: id -> QAction.
    """

    def __init__(self, window: Any, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._settings = window, settings
        self.rows = (*ACTIONS, *CANVAS_ACTIONS)
        self.actions: dict[str, QAction] = {row.id: self._make(row) for row in ACTIONS}
        for row in CANVAS_ACTIONS:
            self.actions[row.id] = window.canvas.actions_here.actions[row.text]
            self._put_shortcut(row, self.actions[row.id], self.shortcut(row))

    def _make(self, row: Action) -> QAction:
        action = QAction(icons.icon(row.icon), translated(row.text), self._window)
        action.setObjectName(row.id)
        action.setCheckable(row.checkable)
        action.setIconVisibleInMenu(not row.checkable)  # there the tick is
        self._put_shortcut(row, action, self.shortcut(row))
        if row.checkable:
            action.toggled.connect(lambda on: self._run(row, on))
        else:
            action.triggered.connect(lambda: self._run(row))
        (self._window.canvas if row.canvas else self._window).addAction(action)
        return action

    def _run(self, row: Action, *arguments: bool) -> None:
        attrgetter(row.run)(self._window)(*arguments)

    def shortcut(self, row: Action) -> str:
        """The row's shortcut: the user's, or the table's."""
        return str(self._settings.store.value(f"shortcuts/{row.id}", row.shortcut))

    def set_shortcut(self, row: Action, shortcut: str) -> None:
        """Give an action another shortcut and remember it."""
        if shortcut == row.shortcut:
            self._settings.store.remove(f"shortcuts/{row.id}")
        else:
            self._settings.store.setValue(f"shortcuts/{row.id}", shortcut)
        self._put_shortcut(row, self.actions[row.id], shortcut)

    def owner(self, shortcut: str, but: Action) -> Action | None:
        """Another action that has this shortcut."""
        for row in self.rows:
            if shortcut and row is not but and self.shortcut(row) == shortcut:
                return row
        return None

    def _put_shortcut(self, row: Action, action: QAction, shortcut: str) -> None:
        action.setShortcut(QKeySequence.fromString(shortcut))
        if row.canvas:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        tip = translated(row.tip)
        action.setToolTip(f"{plain(row.text)} ({keys})\n{tip}" if keys else tip)
        action.setStatusTip(tip)

    def refresh(self) -> None:
        """Enable what can be done now."""
        known = {name: holds(self._window) for name, holds in CONDITIONS.items()}
        for row in ACTIONS:
            if row.enabled:
                self.actions[row.id].setEnabled(known[row.enabled])

    def refresh_icons(self) -> None:
        """Draw the icons again after the theme changed."""
        for row in ACTIONS:
            self.actions[row.id].setIcon(icons.icon(row.icon))
