"""The panel of the lesson editor: text, blocks to put in, ticks, and what is wrong so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QGridLayout, QMenu, QPushButton, QToolButton, QVBoxLayout

from app import panels
from app.panels.author.recorded import RecordedCard
from app.panels.author.text import LessonText
from app.panels.panel import Panel
from app.widgets.section import text_label
from graphcore.lessons import writing
from graphcore.lessons.format import LOCKS, Header
from graphcore.lessons.places import PANEL_NAMES
from graphcore.lessons.recording import Proposal
from graphcore.views.lesson import RecordingFrame

PAUSE_MS = 400
LOW = 220
"""Height of the text, below which it does not go."""


class AuthorPanel(Panel):
    """Writes a lesson; what it needs of the window is asked for by signals.

    Signals:
        edited: the text, after a pause in the typing.
        place_changed: place of the step that the cursor is in.
        record_wanted: whether a recording begins, or ends here.
        graph_wanted: the graph of now is the one that the lesson begins with.
        panel_wanted: id of a panel, and whether the lesson shows it.
        test_wanted: the lesson is to be tried from the step of the cursor.
        check_wanted, share_wanted, close_wanted: the buttons.
    """

    edited = Signal(str)
    place_changed = Signal(int)
    record_wanted = Signal(bool)
    task_wanted = Signal()
    graph_wanted = Signal()
    panel_wanted = Signal(str, bool)
    highlight_wanted = Signal()
    test_wanted = Signal(int)
    check_wanted = Signal()
    share_wanted = Signal()
    close_wanted = Signal()

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__(document, engine)
        self.text = LessonText()
        self.text.setMinimumHeight(LOW)
        self.card = RecordedCard()
        self.said = text_label(dim=True)
        self.said.setText(self.tr("No lesson is being written. Begin one with File > Lessons."))
        self._late = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._late.timeout.connect(lambda: self.edited.emit(self.text.toPlainText()))
        self.text.textChanged.connect(self._late.start)
        self.text.line_changed.connect(lambda _line: self.place_changed.emit(self.place))
        self.buttons: dict[str, QPushButton | QToolButton] = {}
        self.ticks: dict[str, QAction] = {}
        self.shown: dict[str, QAction] = {}
        self.hidden: dict[str, QAction] = {}
        self._lay_out()
        self.card.chosen.connect(self.task_wanted)
        self.card.dropped.connect(self.card.hide)
        self.set_writing(False)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 10)
        column.setSpacing(8)
        column.addLayout(self._row(
            ("step", self.tr("Step"), self.tr("Begin a new step behind this one."),
             self._put_step),
            ("question", self.tr("Question"), self.tr("Ask for a prediction in this step."),
             self._put_question),
            ("highlight", self.tr("Highlight"),
             self.tr("Point at the nodes that are selected on the canvas."),
             self.highlight_wanted.emit),
        ))  # fmt: skip
        second = self._row(
            ("record", self.tr("Record a task"),
             self.tr("Press, do the task in the window as a student would, and press again: a "
                     "check and the solution are proposed."), lambda: None),
        )  # fmt: skip
        record = self.buttons["record"]
        record.setCheckable(True)
        record.toggled.connect(self._on_record)
        for i, button in enumerate((self._more(), self._shown(), self._student()), 1):
            second.addWidget(button, 0, i)
        column.addLayout(second)
        column.addWidget(self.card)
        column.addWidget(self.text, 1)
        column.addWidget(self.said)
        column.addLayout(self._row(
            ("test", self.tr("Test from here"),
             self.tr("Play the lesson as a student, from the step of the cursor."),
             lambda: self.test_wanted.emit(self.place)),
            ("check", self.tr("Check"),
             self.tr("Play it without a window: solutions, checks, highlights and figures."),
             self.check_wanted.emit),
            ("share", self.tr("Share…"),
             self.tr("One file with all that the lesson needs."), self.share_wanted.emit),
            ("close", self.tr("Close"), self.tr("End the editor; the lesson is in its file."),
             self.close_wanted.emit),
        ))  # fmt: skip

    def _row(self, *rows: tuple[str, str, str, Callable[[], Any]]) -> QGridLayout:
        line = QGridLayout()
        line.setSpacing(6)
        for i, (name, text, tip, run) in enumerate(rows):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.clicked.connect(lambda _on=False, run=run: run())
            line.addWidget(button, 0, i)
            self.buttons[name] = button
        return line

    def _menu(self, name: str, text: str, tip: str) -> QMenu:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        button.setMenu(menu)
        self.buttons[name] = button
        return menu

    def _more(self) -> QToolButton:
        """Blocks that are put in less often."""
        menu = self._menu("more", self.tr("More"), self.tr("Other blocks for this step."))
        bodies = (
            ("reveal", self.tr("Reveal"), self.tr("What appears once all is answered and done.")),
            ("hint", self.tr("Hint"), self.tr("A hint, shown on demand.")),
            ("note", self.tr("Note for the teacher"), self.tr("A note that students do not see.")),
        )
        for word, text, body in bodies:
            put = partial(self._put, writing.block(word, body), body)
            menu.addAction(text).triggered.connect(lambda _on, put=put: put())
        menu.addSeparator()
        start = menu.addAction(self.tr("Begin with the current graph"))
        start.triggered.connect(lambda _on: self.graph_wanted.emit())
        found = self.buttons["more"]
        assert isinstance(found, QToolButton)
        return found

    def _shown(self) -> QToolButton:
        """Panels that the lesson shows, by ticking."""
        menu = self._menu("panels", self.tr("Panels"), self.tr("What students see by the canvas."))
        for row in panels.PANELS:
            if row.id in PANEL_NAMES:
                tick = menu.addAction(QCoreApplication.translate("Panels", row.title))
                tick.setCheckable(True)
                tick.triggered.connect(lambda on, name=row.id: self.panel_wanted.emit(name, on))
                self.shown[row.id] = tick
        found = self.buttons["panels"]
        assert isinstance(found, QToolButton)
        return found

    def _student(self) -> QToolButton:
        """What a student may not do, by ticking."""
        menu = self._menu("student", self.tr("Locks"), self.tr("What students may not change."))
        texts = {
            "nodes": self.tr("Nodes and edges stay as they are"),
            "attributes": self.tr("Attributes of nodes stay as they are"),
            "settings": self.tr("Training settings stay as they are"),
            "weights": self.tr("Weights cannot be changed by hand"),
            "training": self.tr("No training"),
        }
        for name in LOCKS:
            tick = menu.addAction(texts[name])
            tick.setCheckable(True)
            tick.triggered.connect(lambda _on: self._write_ticks("locked", self.ticks))
            self.ticks[name] = tick
        menu.addSeparator()
        self._commands = menu.addMenu(self.tr("Commands that are not offered"))
        found = self.buttons["student"]
        assert isinstance(found, QToolButton)
        return found

    def offer_commands(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """List the commands that a lesson may hide: the menu, id and title of each."""
        menus: dict[str, QMenu] = {}
        for menu, name, title in rows:
            if menu not in menus:
                menus[menu] = self._commands.addMenu(menu)
            tick = menus[menu].addAction(title)
            tick.setCheckable(True)
            tick.triggered.connect(lambda _on: self._write_ticks("hidden", self.hidden))
            self.hidden[name] = tick

    # -- the lesson ---------------------------------------------------------------------------

    def open(self, text: str) -> None:
        """Show the text of a lesson."""
        self.text.setPlainText(text)
        self._late.stop()
        self.card.hide()
        self.set_writing(True)
        steps = writing.step_lines(text)
        self.text.go_to(steps[0] if steps else 0)

    def set_writing(self, on: bool) -> None:
        """Allow typing and the buttons, or nothing while no lesson is written."""
        for widget in (self.text, *self.buttons.values()):
            widget.setEnabled(on)
        if not on:
            self.text.clear()
            self._late.stop()
            self.card.hide()

    @property
    def place(self) -> int:
        """Place of the step that the cursor is in."""
        return writing.step_at(self.text.toPlainText(), self.text.line)

    def flush(self) -> str:
        """Return the text as it is now."""
        self._late.stop()
        return self.text.toPlainText()

    def say(self, sentence: str, line: int = -1) -> None:
        """Say how the lesson stands, and mark the line, counted from 0, that is faulty."""
        self.said.setText(sentence)
        self.text.mark_fault(line)

    def show_ticks(self, header: Header) -> None:
        """Tick what the lesson locks, hides and shows."""
        kept = (self.ticks, header.locked), (self.hidden, header.hidden)
        for ticks, names in (*kept, (self.shown, header.panels)):
            for name, tick in ticks.items():
                tick.setChecked(name in names)

    def _write_ticks(self, key: str, ticks: dict[str, QAction]) -> None:
        names = [name for name, tick in ticks.items() if tick.isChecked()]
        self.set_entry(key, writing.listed(names))

    def set_entry(self, key: str, value: str) -> None:
        """Set an entry of the front matter."""
        self.text.replace(writing.with_entry(self.text.toPlainText(), key, value))

    # -- blocks -------------------------------------------------------------------------------

    def _put(self, text: str, select: str = "") -> None:
        """Put text at the end of the step of the cursor, its words selected to be typed over."""
        whole = self.text.toPlainText()
        self.text.put_in(writing.step_end(whole, self.text.line), text)
        if select:
            self.text.select_words(select)
        self.text.setFocus()

    def _put_step(self) -> None:
        title = self.tr("New step")
        self._put("\n" + writing.step(title), title)

    def _put_question(self) -> None:
        self._put(writing.question(self.text.toPlainText()), "What will happen?")

    def put_highlight(self, names: list[str]) -> None:
        """Point at nodes in the step of the cursor."""
        self._put(writing.looks(names))

    # -- recording ----------------------------------------------------------------------------

    def _on_record(self, on: bool) -> None:
        self.buttons["record"].setText(
            self.tr("End the recording") if on else self.tr("Record a task")
        )
        if on:
            self.card.hide()
            self.say(self.tr("Recording: do the task now, as a student would."))
        self.record_wanted.emit(on)

    def offer(self, found: RecordingFrame) -> None:
        """Show what was recorded, to choose from."""
        self.card.offer(found)

    def put_task(self, solution: tuple[str, ...]) -> None:
        """Put the recorded task in, with what was ticked."""
        chosen = [Proposal(p.check, p.otherwise) for p in self.card.ticked]
        words = self.card.words.text().strip() or self.tr("What is to be done?")
        self.card.hide()
        self._put(writing.task(words, chosen, solution), words)
