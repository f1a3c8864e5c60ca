"""Every user action, one row each; menus, toolbar, command palette, help and shortcuts read them.

The rows of the canvas stand in ``app.canvas.menu``; here they are put among the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from PySide6.QtCore import QT_TRANSLATE_NOOP, QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow

from app.canvas import Canvas
from app.canvas import menu as canvas_menu
from app.document.document import Document
from app.files.exports import Exports
from app.files.file_menu import Files
from app.files.film.filming import Filming
from app.files.imports import Imports
from app.panels.stepper.position import Walk
from app.settings import Settings
from app.shell.docks import Layouts, PanelDock
from app.shell.engine.growth_choice import GrowthChoice
from app.shell.transport import TransportBar
from app.widgets import actions
from app.widgets.actions import (
    EDIT,
    EXPORT,
    FILE,
    GROW,
    HELP,
    IMPORT,
    LESSONS,
    RUN,
    VIEW,
    Action,
)


class Window(Protocol):
    """The parts of the main window that actions act on, and what it does itself."""

    document: Document
    canvas: Canvas
    engine: Any
    files: Files
    imports: Imports
    exports: Exports
    layouts: Layouts
    growth: GrowthChoice
    filming: Filming
    transport: TransportBar | None

    @property
    def walk(self) -> Walk: ...
    @property
    def in_lesson(self) -> bool: ...
    @property
    def lessons(self) -> Any: ...
    @property
    def authoring(self) -> Any: ...
    def ask_open_lesson(self) -> None: ...
    def grade_answers(self) -> None: ...
    def close(self) -> bool: ...
    def show_panel(self, name: str) -> PanelDock: ...
    def show_welcome(self) -> None: ...
    def show_preferences(self) -> None: ...
    def show_engine(self) -> None: ...
    def show_command_palette(self) -> None: ...
    def show_shortcuts(self) -> None: ...
    def show_outline(self) -> None: ...
    def show_guide(self) -> None: ...
    def show_help(self) -> None: ...
    def show_report(self) -> None: ...
    def show_about(self) -> None: ...
    def set_light(self, light: bool) -> None: ...
    def set_full_screen(self, full: bool) -> None: ...
    def toggle_breakpoint(self) -> None: ...


def _(text: str) -> str:
    return str(QT_TRANSLATE_NOOP("Actions", text))


def _bar(w: Window) -> TransportBar:
    assert w.transport is not None, "there is an engine"
    return w.transport


def undoable(w: Window) -> bool:
    """Whether a change can be taken back."""
    return w.document.undo_stack.canUndo()


def redoable(w: Window) -> bool:
    """Whether a change can be made again."""
    return w.document.undo_stack.canRedo()


def filled(w: Window) -> bool:
    """Whether there is a node."""
    return len(w.document.graph) > 0


def engine(w: Window) -> bool:
    """Whether the window can train."""
    return w.engine is not None


def in_lesson(w: Window) -> bool:
    """Whether a lesson is played."""
    return w.in_lesson


def _on_canvas(rows: Sequence[Action[canvas_menu.Parts]]) -> tuple[Action[Window], ...]:
    """Return rows of the canvas as rows of the window that it is in."""
    return tuple(_of_canvas(row) for row in rows)


def _of_canvas(row: Action[canvas_menu.Parts]) -> Action[Window]:
    return Action(
        row.id, row.text, row.shortcut, row.icon, row.tip, row.menu,
        lambda w: row.run(w.canvas), lambda w: row.enabled(w.canvas),
        separated=row.separated, canvas=row.canvas,
    )  # fmt: skip


ACTIONS: tuple[Action[Window], ...] = (
    Action("new", _("&New"), "Ctrl+N", "new", _("Start with an empty graph."), (FILE,),
           lambda w: w.files.new()),
    Action("open", _("&Open…"), "Ctrl+O", "open", _("Open a graph file."), (FILE,),
           lambda w: w.files.ask_open()),
    Action("presets", _("&Welcome Page"), "Ctrl+Shift+N", "presets",
           _("Graphs that ship, and the files you had open."), (FILE,), lambda w: w.show_welcome()),
    Action("save", _("&Save"), "Ctrl+S", "save", _("Write the graph to its file."), (FILE,),
           lambda w: w.files.save(), separated=True),
    Action("save_as", _("Save &As…"), "Ctrl+Shift+S", "save_as",
           _("Write the graph to another file."), (FILE,), lambda w: w.files.save_as()),
    Action("import_net", _("&Net…"), "", "open",
           _("A new graph from a PyTorch module or an exported net; a Python file is run only if "
             "you say so."),
           (FILE, IMPORT), lambda w: w.imports.ask_net(), engine, separated=True),
    Action("open_run", _("Open R&un…"), "", "open",
           _("Go on from a recorded run: its graph, curves and every recorded step."), (FILE,),
           lambda w: w.files.ask_open_run(), engine, separated=True),
    Action("save_run", _("Sa&ve Run…"), "", "save",
           _("Keep the recorded runs in a file, with curves and every recorded step."), (FILE,),
           lambda w: w.files.save_run(), engine),
    Action("load_weights", _("&Weights…"), "", "open",
           _("Fill the net from a safetensors file or a state dict of PyTorch, by name and shape."),
           (FILE, IMPORT),
           lambda w: w.imports.load_weights(), engine),
    Action("class_names", _("Class Na&mes…"), "", "open",
           _("Names of the classes from a file: one on each line, or a list in JSON."),
           (FILE, IMPORT), lambda w: w.imports.load_names(), engine),
    Action("import_report", _("Import &Report"), "", "file",
           _("What became what in the net that was imported."), (FILE, IMPORT),
           lambda w: w.show_panel("import_report"), engine),
    Action("export", _("&Picture…"), "Ctrl+E", "export",
           _("The whole canvas as SVG, PDF or PNG."), (FILE, EXPORT),
           lambda w: w.files.export(), filled),
    Action("export_report", _("&Report…"), "", "export",
           _("An HTML page about the run: curves, mistakes, landscape, layers."), (FILE, EXPORT),
           lambda w: w.exports.save_report(), engine),
    Action("export_metrics", _("&Metrics…"), "", "export",
           _("The curves as a table (CSV)."), (FILE, EXPORT),
           lambda w: w.exports.save_metrics(), engine,
           separated=True),
    Action("export_events", _("&TensorBoard…"), "", "export",
           _("The curves as TensorBoard event files."), (FILE, EXPORT),
           lambda w: w.exports.save_events(),
           engine),
    Action("export_script", _("P&yTorch Script…"), "", "export",
           _("A script in plain PyTorch with the weights and a self-test."), (FILE, EXPORT),
           lambda w: w.exports.save_script(), engine, separated=True),
    Action("export_program", _("PyTorch Pro&gram…"), "", "export",
           _("The net as torch.export keeps it (.pt2), and a self-test."), (FILE, EXPORT),
           lambda w: w.exports.save_program(), engine),
    Action("export_keras", _("&Keras Script…"), "", "export",
           _("A script for Keras 3 with the weights and a self-test."), (FILE, EXPORT),
           lambda w: w.exports.save_keras(), engine),
    Action("export_onnx", _("&ONNX File…"), "", "export",
           _("The net with its weights for other programs, and a self-test."), (FILE, EXPORT),
           lambda w: w.exports.save_onnx(), engine),
    Action("open_lesson", _("&Open a Lesson…"), "", "guide",
           _("Begin a lesson, or a course in one file."), (FILE, LESSONS),
           lambda w: w.ask_open_lesson(), engine),
    Action("present_lesson", _("&Present the Lesson"), "Ctrl+Shift+F5", "guide",
           _("Large letters, notes, and any step, as on a projector."), (FILE, LESSONS),
           lambda w: w.lessons.present(not w.lessons.presenting), in_lesson),
    Action("again_lesson", _("&Begin the Step Again"), "F12", "reset",
           _("Put everything back to where the step of the lesson begins."), (FILE, LESSONS),
           lambda w: w.lessons.begin_step_again(), in_lesson),
    Action("new_lesson", _("&New Lesson…"), "", "new",
           _("Write a lesson that begins with the current graph and panels."), (FILE, LESSONS),
           lambda w: w.authoring.begin(), engine, separated=True),
    Action("edit_lesson", _("&Edit a Lesson…"), "", "save_as",
           _("Change the text of a lesson beside its preview."), (FILE, LESSONS),
           lambda w: w.authoring.ask_edit(), engine),
    Action("grade_answers", _("&Grade Answers…"), "", "file",
           _("One table of a folder of answer files: who predicted what, who did what."),
           (FILE, LESSONS), lambda w: w.grade_answers(), engine),
    Action("preferences", _("&Preferences…"), "Ctrl+,", "settings",
           _("Theme, motion and recovery."), (FILE,), lambda w: w.show_preferences(),
           separated=True),
    Action("engine", _("&Engine…"), "", "settings",
           _("Device, threads, and the machine that computes."), (FILE,),
           lambda w: w.show_engine(), engine),
    Action("quit", _("&Quit"), "Ctrl+Q", "quit", _("Close the window."), (FILE,),
           lambda w: w.close(),
           separated=True),
    Action("undo", _("&Undo"), "Ctrl+Z", "undo", _("Undo the last change."), (EDIT,),
           lambda w: w.document.undo_stack.undo(), undoable),
    Action("redo", _("&Redo"), "Ctrl+Shift+Z", "redo", _("Redo the last undone change."), (EDIT,),
           lambda w: w.document.undo_stack.redo(), redoable),
    *_on_canvas(canvas_menu.EDIT_ROWS),
    Action("palette", _("Command &Palette…"), "Ctrl+Shift+P", "search",
           _("Find and run any command by typing."), (EDIT,), lambda w: w.show_command_palette(),
           separated=True),
    Action("shortcuts", _("&Keyboard Shortcuts…"), "Ctrl+K", "keyboard",
           _("See and change every shortcut."), (EDIT,), lambda w: w.show_shortcuts()),
    *_on_canvas(canvas_menu.VIEW_ROWS),
    Action("reset_layout", _("&Reset Layout"), "", "reset",
           _("Reset the panels of this layout to where they started."), (VIEW,),
           lambda w: w.layouts.reset(),
           separated=True),
    Action("light", _("&Light Theme"), "Ctrl+Shift+L", "theme",
           _("Change between dark and light."), (VIEW,), switch=lambda w, on: w.set_light(on),
           separated=True),
    Action("full_screen", _("&Full Screen"), "F11", "full_screen",
           _("Use the whole screen."), (VIEW,), switch=lambda w, on: w.set_full_screen(on)),
    Action("to_canvas", _("Go to the &Canvas"), "F4", "graph",
           _("Move the keyboard focus to the canvas."), (VIEW,), lambda w: w.canvas.setFocus()),
    Action("to_outline", _("Go to the &Outline"), "F3", "outline",
           _("The graph as a tree, for the keyboard, search and screen readers."), (VIEW,),
           lambda w: w.show_outline()),
    *_on_canvas(canvas_menu.GRAPH_ROWS),
    Action("train", _("&Train or Pause"), "F5", "play", _("Start or pause training."), (RUN,),
           lambda w: _bar(w).play.click(), engine),
    Action("one_step", _("One &Step"), "F6", "step", _("One batch forward, backward, and update."),
           (RUN,), lambda w: _bar(w).step.click(), engine),
    Action("one_epoch", _("To the End of the &Epoch"), "F7", "epoch",
           _("Train for one epoch: every sample is seen once more."), (RUN,),
           lambda w: _bar(w).epoch.click(),
           engine),
    Action("reset", _("&Back to the Same Start"), "F8", "reset",
           _("Restart from the same initial weights and the same order of the data."), (RUN,),
           lambda w: _bar(w).reset.click(), engine),
    Action("grow_silent", _("New Units Start &Silent"), "", "add",
           _("New neurons and layers change nothing until they have learned."), (RUN, GROW),
           switch=lambda w, on: w.growth.choose("silent", on), enabled=engine),
    Action("grow_copies", _("New Units Are &Copies"), "", "add",
           _("New neurons copy old ones and split their weights: the function is unchanged."),
           (RUN, GROW), switch=lambda w, on: w.growth.choose("copies", on), enabled=engine),
    Action("grow_noisy", _("New Units Are Copies With &Noise"), "", "add",
           _("Copies that differ a little from the start, and so learn something else."),
           (RUN, GROW), switch=lambda w, on: w.growth.choose("noisy", on), enabled=engine),
    Action("walk_step", _("Explain: One &Node On"), "F10", "step_op",
           _("Step through both passes of one sample, a node at a time."), (RUN,),
           lambda w: w.walk.step(),
           engine, separated=True),
    Action("walk_back", _("Explain: One Step Back"), "Shift+F10", "undo",
           _("Go one step back."), (RUN,), lambda w: w.walk.back(), engine),
    Action("walk_layer", _("Explain: Next &Layer"), "Ctrl+F10", "step",
           _("Go on to the next node with parameters."), (RUN,),
           lambda w: w.walk.next_layer(), engine),
    Action("walk_pass", _("Explain: End of the &Pass"), "Ctrl+Shift+F10", "epoch",
           _("Go on to the end of the forward or backward pass."), (RUN,),
           lambda w: w.walk.finish_pass(),
           engine),
    Action("walk_play", _("Explain: Slow &Motion"), "Alt+F10", "play",
           _("Play the steps at the chosen speed."), (RUN,),
           lambda w: w.walk.toggle_play(), engine),
    Action("walk_stop", _("Explain: Stop at the Selected Node"), "F9", "eye",
           _("A breakpoint, in either pass."), (RUN,), lambda w: w.toggle_breakpoint(), engine),
    Action("record", _("Record a &Film…"), "Ctrl+Shift+R", "record",
           _("Record the window or a view as GIF, animated PNG or MP4; once more ends it."), (RUN,),
           switch=lambda w, on: w.filming.toggle(on), separated=True),
    Action("help", _("&Help"), "F1", "help",
           _("Help on panels, concepts, operators and keys."), (HELP,), lambda w: w.show_help()),
    Action("guide", _("&Guide"), "", "guide",
           _("Ten short pages on nets, data and runs from a script."), (HELP,),
           lambda w: w.show_guide()),
    Action("report_problem", _("&Report a Problem…"), "", "warning",
           _("Versions and the last faults, to copy; nothing is sent."), (HELP,),
           lambda w: w.show_report()),
    Action("about", _("&About Gradscape"), "", "about", _("Version and licence."), (HELP,),
           lambda w: w.show_about()),
    *_on_canvas(canvas_menu.SELECTED_ROWS),
)  # fmt: skip


class ActionTable(QObject):
    """The rows as QActions of one window.

    Attributes:
        rows: all of them. actions: id -> QAction.
    """

    def __init__(self, window: Window, owner: QMainWindow, settings: Settings) -> None:
        super().__init__(owner)
        self._window, self._settings = window, settings
        self.rows, own = ACTIONS, window.canvas.menu.actions
        self._own = [row for row in ACTIONS if row.id not in own]
        made = {row.id: actions.make(row, window, owner) for row in self._own}
        self.actions: dict[str, QAction] = {**made, **own}
        for row in self.rows:
            actions.set_shortcut(row, self.actions[row.id], self.shortcut(row))

    def shortcut(self, row: Action[Window]) -> str:
        """Return the row's shortcut: the user's, or the table's."""
        before = self._settings.store.value(_old_key(row), row.shortcut)
        return str(self._settings.store.value(f"shortcuts/{row.id}", before))

    def set_shortcut(self, row: Action[Window], shortcut: str) -> None:
        """Give an action another shortcut and remember it."""
        self._settings.store.remove(_old_key(row))
        if shortcut == row.shortcut:
            self._settings.store.remove(f"shortcuts/{row.id}")
        else:
            self._settings.store.setValue(f"shortcuts/{row.id}", shortcut)
        actions.set_shortcut(row, self.actions[row.id], shortcut)

    def owner(self, shortcut: str, but: Action[Window]) -> Action[Window] | None:
        """Return another action that has this shortcut."""
        for row in self.rows:
            if shortcut and row is not but and self.shortcut(row) == shortcut:
                return row
        return None

    def refresh(self) -> None:
        """Enable what can be done now; the canvas does the same for its own."""
        actions.refresh(self._own, self._window, self.actions)

    def refresh_icons(self) -> None:
        """Draw the icons again after the theme changed."""
        for row in self.rows:
            actions.show_icon(row, self.actions[row.id])


def _old_key(row: Action[Window]) -> str:
    """Return where version 0.1 kept the shortcut of an action of the canvas's menu."""
    return f"shortcuts/canvas_{row.text}"
