"""The main window: puts canvas, panels, menus and bars in place and connects them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QTabWidget,
    QWidget,
)

from app.canvas import Canvas
from app.document.document import Document
from app.engine.place import Place, remember
from app.files.autosave import Autosave
from app.files.exports import Exports
from app.files.file_menu import RUN_SUFFIX, Files
from app.files.film.filming import Filming
from app.files.imports import Imports
from app.files.rescue import Rescue
from app.panels.panel import Panel
from app.settings import Settings
from app.shell import fault_log
from app.shell.actions import ActionTable
from app.shell.announcements import Announcements
from app.shell.command_palette import CommandPalette
from app.shell.docks import Layouts, PanelDock
from app.shell.engine.growth_choice import GrowthChoice
from app.shell.engine.news import EngineNews
from app.shell.live_view import LiveView, shown_pictures
from app.shell.menus import Menus
from app.shell.status_bar import StatusBar
from app.shell.stepper_view import WalkView
from app.shell.time_strip import TimeStrip
from app.shell.tool_bar import ToolBar
from app.shell.transport import TransportBar
from app.style import palette
from app.widgets import file_dialogs
from app.widgets.banner import Banner
from app.widgets.layouts import in_column
from app.widgets.numbers import set_digits
from app.widgets.typing_rule import TypingRule
from graphcore.datasets.images import SUFFIXES as PICTURES
from graphcore.errors import GradscapeError
from graphcore.records.pictures import Picture as SentPicture

if TYPE_CHECKING:
    from app.shell.lessons.author import Authoring
    from app.shell.lessons.controller import Lessons

FIRST_GRAPH, LESSON_SUFFIX, PACKED_SUFFIX = "lenet5", ".lesson.md", ".zip"
REMEMBER_MS = 5000


class MainWindow(QMainWindow):
    """Canvas in the middle, panels around it.

    Args:
        engine: the GUI's end of the worker process, or None for a window that only edits.
        rescue_folder: where copies of unsaved work are kept.

    Attributes:
        selection: names of the nodes that are selected on the canvas.
    """

    def __init__(
        self, document: Document, engine: Any, settings: Settings, rescue_folder: Path
    ) -> None:
        super().__init__()
        self.document, self.engine, self.settings = document, engine, settings
        self.selection: list[str] = []
        self.log, self._refusal = fault_log.default_file(), ""
        self._set_up_frame()
        self.canvas = Canvas(document)
        self.banner = Banner()
        self.pages = QStackedWidget()
        self.pages.addWidget(self.canvas)
        self._welcome: Any = None
        self._unasked = False
        self._put_centre()
        self.announcements = Announcements(document, self.canvas)
        self.files = Files(document, self.canvas, settings, self)
        self.layouts = Layouts(self, document, engine, settings.store)
        self.autosave = Autosave(document, rescue_folder, self)
        self.actions_table = ActionTable(self, self, settings)
        self.menus = Menus(self, self.actions_table, self.files, self.layouts)
        self.status = StatusBar(document, self)
        self.setStatusBar(self.status)
        self.exports, self.filming = Exports(self), Filming(self)
        self.growth, self.typing = GrowthChoice(self), TypingRule(self)
        self.imports = Imports(self, self.exports)
        self._add_tool_bar()
        self._connect()
        if engine is not None:
            self.files.follow(engine)
            self.news = EngineNews(self, engine)
            LiveView(self.canvas, engine)
        self._apply_preferences()
        self._show_title()
        self._remember_timer = QTimer(self, interval=REMEMBER_MS)
        self._remember_timer.timeout.connect(self._remember)
        if geometry := settings.store.value("window/geometry"):
            self.restoreGeometry(geometry)

    def _set_up_frame(self) -> None:
        """Set the size, where docks may lie, and that files can be dropped."""
        room = self.screen().availableSize()
        self.resize(min(1440, room.width() - 20), min(900, room.height() - 40))
        self.setDockOptions(
            QMainWindow.DockOption.AllowTabbedDocks | QMainWindow.DockOption.AllowNestedDocks
        )
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.setAcceptDrops(True)

    def _put_centre(self) -> None:
        centre = QWidget()
        column = in_column(self.banner, (self.pages, 1), on=centre, margins=0, spacing=0)
        self.time: TimeStrip | None = None
        if self.engine is not None:
            self.time = TimeStrip(self.document, self.engine)
            column.addWidget(self.time)
            self.pages.currentChanged.connect(lambda at: self.time.setVisible(at == 0))
        self.setCentralWidget(centre)

    def _add_tool_bar(self) -> None:
        self.transport = TransportBar(self.document, self.engine) if self.engine else None
        bar = ToolBar(self, self.actions_table.actions, self.transport)
        bar.setWindowTitle(self.tr("Tools"))
        self.addToolBar(bar)

    # -- connections --------------------------------------------------------------------------

    def _connect(self) -> None:
        document, canvas = self.document, self.canvas
        canvas.selection.changed.connect(self._on_selection)
        canvas.editor.said.connect(self.status.show_hover)
        document.opened.connect(self._on_opened)
        for edited in (document.opened, document.changed):
            edited.connect(self._end_refusal)
        document.level_changed.connect(self._on_opened)
        document.undo_stack.cleanChanged.connect(self._on_step)
        document.undo_stack.indexChanged.connect(self._on_step)
        self.files.refused.connect(self.refuse)
        self.files.run_at_stake.connect(self._ask_about_run)
        self.files.opened.connect(self.show_canvas)
        self.files.recent_changed.connect(self._show_title)
        self.status.problems_wanted.connect(lambda: self.show_panel("problems"))
        self.status.engine_wanted.connect(self.show_engine)
        self.settings.changed.connect(self.apply_preference)
        self.layouts.changed.connect(lambda _name: self.pages.setCurrentWidget(canvas))
        for dock in self.layouts.docks.values():
            dock.made.connect(self._connect_panel)
        if "inspector" in self.layouts.docks:
            canvas.editor.node_activated.connect(
                lambda _name: self.show_panel("inspector").take_focus()
            )
        self.actions_table.refresh()

    def _connect_panel(self, panel: Panel) -> None:
        """Join a panel and the canvas, which do not know of each other."""
        self.canvas.selection.changed.connect(panel.show_selection)
        panel.show_selection(self.selection)
        panel.node_chosen.connect(self.canvas.select)
        panel.ailing.connect(self.canvas.pictures.set_ailing)
        panel.preset_chosen.connect(self.files.open_preset)
        panel.pictures.connect(self._show_pictures)
        panel.operator_chosen.connect(self.canvas.editor.add_operator)
        panel.add_wanted.connect(self.canvas.editor.search_to_add)
        if panel.walk is not None:
            view = WalkView(self.canvas, panel.walk)
            panel.looked_at.connect(view.set_visible)

    def _show_pictures(self, pictures: dict[str, SentPicture]) -> None:
        shown = shown_pictures(self.document.prefix, pictures)
        if self.engine is not None and self.engine.shown.drawing:
            self.canvas.pictures.show_values_alone(shown)
        else:
            self.canvas.pictures.show(shown, {})

    def _on_selection(self, names: Sequence[str]) -> None:
        self.selection = list(names)
        self.layouts.turn_away()
        self.actions_table.refresh()

    def _on_opened(self) -> None:
        self.selection = []
        self._on_step()

    def _end_refusal(self, _change: Any = None) -> None:
        """What was refused is past once the graph is another."""
        if self._refusal and self.banner.text == self._refusal:
            self.banner.hide()
        self._refusal = ""

    def _on_step(self, _state: Any = None) -> None:
        self._show_title()
        self.actions_table.refresh()

    def _show_title(self) -> None:
        self.setWindowTitle(f"{self.files.name}[*] — Gradscape")
        self.setWindowModified(self.document.modified)

    # -- starting and ending ------------------------------------------------------------------

    def start_watching(self, link: Any) -> None:
        """What ``start`` does, for a window that shows the loop of a script."""
        self.layouts.restore()
        self._remember_timer.start()
        link.show_in(self)

    def start(self, file_or_preset: str = "") -> None:
        """Everything that may wait until the window is up: docks, the graph, rescued work."""
        self.layouts.restore()
        recent = self.files.recent[:1] if self.settings.get("files/reopen") else []
        wanted = [file_or_preset] if file_or_preset else [p for p in recent if os.path.exists(p)]
        runs = file_or_preset if file_or_preset.endswith(RUN_SUFFIX) else ""
        lesson = file_or_preset if _of_lessons(file_or_preset) else ""
        if lesson:
            wanted = []
        if not runs and not (wanted and self.files.open_any(wanted[0])):
            self.files.open_preset(FIRST_GRAPH)
            if not (file_or_preset or lesson or self.autosave.abandoned()):
                self.show_welcome()
        Rescue(self).offer()
        self._remember_timer.start()
        if self.engine is not None:
            QTimer.singleShot(0, self.engine, self.engine.begin)
        if lesson and self.engine is not None:
            QTimer.singleShot(0, self, lambda: self.open_file(lesson))
        if runs:  # the engine reads them, so it has to be there first
            QTimer.singleShot(0, self, lambda: self.files.open_run(runs))

    def _remember(self) -> None:
        """Keep how the window looks: also for after a crash."""
        self.layouts.remember()
        self.settings.store.setValue("window/geometry", self.saveGeometry())

    def closeEvent(self, event: QCloseEvent) -> None:
        if "lessons" in self.__dict__:
            self.lessons.leave(with_runs=False)
        if "authoring" in self.__dict__:
            self.authoring.close()
        if self._unasked:
            self.autosave.write()
        elif self.files.may_leave():
            self.autosave.close()
        else:
            event.ignore()
            return
        self._end()
        event.accept()

    def end_unasked(self) -> None:
        """Close as at the end of a session: unsaved work is kept for the next start."""
        self._unasked = True
        self.close()

    def _end(self) -> None:
        """Save the layout, end what runs, and block the signals that Qt sends while it deletes."""
        if "lessons" in self.__dict__:
            self.lessons.forget_courses()
        self._remember_timer.stop()
        self._remember()
        self.filming.recorder.close()
        self.exports.cancel()
        self.imports.close()
        if self.engine is not None:
            self.engine.close()
        # Qt clears a stack and a selection while it deletes them.
        for ending in (self.document.undo_stack, self.canvas.graph_scene):
            ending.blockSignals(True)

    # -- what actions call --------------------------------------------------------------------

    def refuse(self, sentence: str) -> None:
        """Say what could not be done: in the banner, and in the status bar for a while."""
        self.banner.show_message(sentence, "error")
        self.status.say(sentence)
        self._refusal = sentence

    def _ask_about_run(self, sentence: str, let_go: Callable[[], object]) -> None:
        """Another graph was to be opened: offer to keep the run, or to go on without it."""
        keep = (self.tr("Save Run…"), self.files.save_run)
        self.banner.show_message(sentence, "warning", (keep, (self.tr("Open without it"), let_go)))

    def show_fault(self, sentence: str, stack: str) -> None:
        """Say that something unexpected happened, and offer its stack."""
        self.banner.show_message(sentence, "error", (self.details(stack),))
        self.status.say(sentence)

    def details(self, stack: str) -> tuple[str, Callable[[], None]]:
        """Return the button of a banner that shows the stack of an error."""
        return self.tr("Show details"), lambda: self._show_text(self.tr("Details"), stack)

    def show_report(self) -> None:
        """Show what a report of a problem needs."""
        from app.shell.fault_dialog import report

        self._show_text(self.tr("Report a problem"), report(self.log))

    def _show_text(self, title: str, text: str) -> None:
        from app.shell.fault_dialog import FaultDialog

        FaultDialog(title, text, self).open()

    @cached_property
    def lessons(self) -> Lessons:
        """What opens lessons and puts all back behind them; made when it is first asked for.

        It brings the reader, the checks and half of the engine's modules along.
        """
        from app.shell.lessons.controller import Lessons

        return Lessons(self)

    @cached_property
    def authoring(self) -> Authoring:
        """What writes lessons; made when it is first asked for."""
        from app.shell.lessons.author import Authoring

        return Authoring(self)

    @property
    def in_lesson(self) -> bool:
        """Whether a lesson is played."""
        return "lessons" in self.__dict__ and self.lessons.lesson is not None

    def grade_answers(self) -> None:
        """Ask for a folder of answers and show their table."""
        from app.shell.lessons.grades import GradesDialog

        if folder := self.files.ask(file_dialogs.ask_answers):
            GradesDialog(self, folder).open()

    def open_file(self, path: str) -> None:
        """Open a graph, recorded runs, or a lesson; a picture goes into the net that is open."""
        if _of_lessons(path) and self.engine is not None:
            packed = path.lower().endswith(PACKED_SUFFIX)
            (self.lessons.open_packed if packed else self.lessons.open)(path)
        elif Path(path).suffix.lower() in PICTURES and "digit_pad" in self.layouts.docks:
            self._show_picture(Path(path))
        else:
            self.files.open(path)

    def _show_picture(self, path: Path) -> None:
        pad: Any = self.show_panel("digit_pad").fill()
        try:
            pad.take_picture(path)
        except GradscapeError as error:
            self.refuse(str(error))

    def ask_open_lesson(self) -> None:
        """Ask for a lesson and begin it."""
        if path := self.files.ask(file_dialogs.ask_lesson):
            self.open_file(path)

    def show_canvas(self) -> None:
        """The canvas and its panels instead of the welcome page."""
        self.pages.setCurrentWidget(self.canvas)
        if not self.layouts.current:
            self.layouts.restore()
        self._show_title()

    def show_welcome(self) -> None:
        """Presets and recent files in place of the canvas."""
        if self._welcome is None:
            self._welcome = self._make_welcome()
            self.pages.addWidget(self._welcome)
        self._welcome.show_recent(self.files.recent)
        self._welcome.show_progress()
        self.layouts.hide()
        self.pages.setCurrentWidget(self._welcome)

    def _make_welcome(self) -> QWidget:
        from app.shell.welcome.page import WelcomePage

        page = WelcomePage()
        page.preset_chosen.connect(self.files.open_preset)
        page.file_chosen.connect(self.files.open)
        page.open_wanted.connect(self.files.ask_open)
        page.new_wanted.connect(self.files.new)
        page.closed.connect(self.show_canvas)
        if self.engine is not None:
            page.follow(self.lessons)
        return page

    def show_course(self, found: Any, title: str) -> None:
        """The courses of a file on the welcome page, before those that ship."""
        self.show_welcome()
        self._welcome.show_course(found, title)

    def show_panel(self, name: str) -> PanelDock:
        """Bring a panel to the front."""
        return self.layouts.reveal(name)

    def show_outline(self) -> None:
        """The graph as a tree, with the keys on it."""
        self.show_panel("outline").take_focus()

    @property
    def walk(self) -> Any:
        """The stepper, brought into view: in the layout that has room for it."""
        hidden = self.layouts.docks["walk"].isHidden()
        if hidden and self.layouts.current not in ("", "Explain"):  # a lesson has none
            self.layouts.show("Explain")
        panel: Any = self.show_panel("walk").fill()
        return panel.walk

    def toggle_breakpoint(self) -> None:
        """Let the stepper stop at the selected node, or no longer."""
        panel: Any = self.show_panel("walk").fill()
        panel.toggle_breakpoint()

    def show_preferences(self) -> None:
        """Open the preferences."""
        from app.shell.preferences import PreferencesDialog

        PreferencesDialog(self.settings, self).open()

    def show_engine(self) -> None:
        """Ask where the engine is to run, on what, and with how many threads."""
        if self.engine is None:
            return
        from app.shell.engine.dialog import EngineDialog

        dialog = EngineDialog(self.engine, self.settings.store, self)
        dialog.chosen.connect(self._use_engine)
        dialog.open()

    def _use_engine(self, place: Place) -> None:
        remember(self.settings.store, place)
        self.banner.hide()
        self.engine.move(place)

    def show_shortcuts(self) -> None:
        """Open the list of shortcuts."""
        from app.shell.shortcuts import ShortcutsDialog

        ShortcutsDialog(self.actions_table, self).open()

    def show_help(self) -> None:
        """Open the help at the panel that has the keys, else at the selected operator."""
        from app.shell.help.dialog import HelpDialog

        dialog = HelpDialog(self.actions_table, self)
        panel = self.layouts.focused()
        if panel:
            dialog.show_panel(panel)
        elif self.selection:
            dialog.show_operator(self.document.graph.node(self.selection[0]).operator)
        dialog.open()

    def show_guide(self) -> None:
        """Open the user's guide."""
        from app.shell.help.guide import GuideDialog

        GuideDialog(self).open()

    def show_about(self) -> None:
        """Name, version and licence."""
        from graphcore import __version__

        text = self.tr("See a network think, see it learn.")
        QMessageBox.about(
            self,
            self.tr("About Gradscape"),
            f"Gradscape {__version__}\n\n{text}\n\nMIT",
        )

    def show_command_palette(self) -> None:
        """Open the command palette."""
        from app.shell.palette_commands import commands

        CommandPalette(commands(self), self).show()

    # -- preferences --------------------------------------------------------------------------

    def _apply_preferences(self) -> None:
        for key in ("look/reduced_motion", "look/decimals", "files/autosave", "engine/growth"):
            self.apply_preference(key)
        light = self.settings.get("look/theme") == "light"
        self.actions_table.actions["light"].setChecked(light)

    def apply_preference(self, key: str) -> None:
        """Let a preference take effect."""
        if key == "look/theme":
            self._apply_theme()
        elif key == "look/reduced_motion":
            self.canvas.reduced_motion = self.settings.get(key)
        elif key == "look/decimals":
            set_digits(self.settings.get(key))
            if self.isVisible():
                palette.notifier.changed.emit()  # all is redrawn with the new digits
        elif key == "engine/growth":
            self.growth.apply()
        elif key == "files/autosave":
            self.autosave.set_enabled(self.settings.get(key))

    def set_light(self, light: bool) -> None:
        """Change to the light theme, or to the dark one."""
        self.settings.set("look/theme", "light" if light else "dark")

    def _apply_theme(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme = self.settings.get("look/theme")
        palette.apply(app, theme)
        self.actions_table.actions["light"].setChecked(theme == "light")
        self.actions_table.refresh_icons()
        self.layouts.refresh_icons()

    def set_full_screen(self, full: bool) -> None:
        """Use the whole screen, or the window's own size again."""
        self.setWindowState(
            self.windowState() | Qt.WindowState.WindowFullScreen
            if full
            else self.windowState() & ~Qt.WindowState.WindowFullScreen
        )

    # -- files dropped on the window ----------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped_file(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if path := _dropped_file(event):
            event.acceptProposedAction()
            self.open_file(path)


def _of_lessons(path: str) -> bool:
    """Whether a file is a lesson, or holds some."""
    return path.endswith(LESSON_SUFFIX) or path.lower().endswith(PACKED_SUFFIX)


def _dropped_file(event: QDropEvent) -> str:
    """Path of the one file that is dragged, or empty."""
    urls = event.mimeData().urls()
    return urls[0].toLocalFile() if len(urls) == 1 else ""
