"""The panel of a lesson: one step at a time, and the way through the steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.panels.lesson.cards import Card, PredictCard, RevealCard, TaskCard
from app.panels.lesson.prose import Prose, shown
from app.panels.panel import Panel
from app.style import fonts
from app.widgets.scroller import scroll_to
from app.widgets.section import text_label, title
from graphcore.lessons.format import Lesson, Predict, Reveal, Step, Task, Text
from graphcore.views.lesson import FactsFrame, FactsRequest
from graphcore.views.weights import TensorFrame

REFRESH_MS = 250
SCROLL_MS = 60
"""Until what has come into a step is laid out and can be scrolled to."""
LARGER = 1.7
"""By how much letters are larger while a lesson is presented."""
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español",
             "it": "Italiano", "nl": "Nederlands", "pt": "Português"}  # fmt: skip
"""What languages call themselves."""


class LessonPanel(Panel):
    """Shows a lesson's steps; what a step needs of the window is asked for by signals.

    Signals:
        step_left: the place of the step that was shown.
        step_entered: the place of the step that is shown now.
        solve_wanted: the solution of the shown step is to be done.
        predicted: a question's id and the answer.
        window_wanted: what of the window checks may ask is to be noted.
        asking: whether a question is open, so that its answer should not be seen yet.
        passed: the place of a step whose tasks are all done.
        leave_wanted, hand_in_wanted: the two buttons.
        again_wanted: the step is to begin again, with nothing answered.
        present_wanted: whether the lesson is to be shown as on a projector.
        language_wanted: a language, such as "de".
    """

    step_left = Signal(int)
    step_entered = Signal(int)
    solve_wanted = Signal()
    predicted = Signal(str, float)
    passed = Signal(int)
    window_wanted = Signal()
    asking = Signal(bool)
    leave_wanted = Signal()
    hand_in_wanted = Signal()
    again_wanted = Signal()
    present_wanted = Signal(bool)
    language_wanted = Signal(str)

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__(document, engine)
        self.lesson: Lesson | None = None
        self.place = 0
        self.predictions: dict[str, float] = {}
        self.done: dict[str, tuple[bool, int]] = {}
        self.shown_panels: tuple[str, ...] = ()
        self.plane = ""
        self.cards: list[QWidget] = []
        self._hints_shown: dict[int, int] = {}
        self._number = self._asked = 0
        self._begins = False
        self._values: dict[str, Any] = {}
        self.busy = self.previewing = self.presenting = False
        self._revealed: set[int] = set()
        self._lay_out()
        self._late = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._late.timeout.connect(self._ask)
        self._newest: QWidget | None = None
        self._scroll = QTimer(self, singleShot=True, interval=SCROLL_MS)
        self._scroll.timeout.connect(self._show_newest)
        if engine is not None:
            engine.on(FactsFrame, self._on_facts)
            engine.loaded.connect(lambda _l: self.refresh())
            engine.state_changed.connect(lambda _s: self.refresh())
            engine.on(TensorFrame, lambda _t: self.refresh())

    def _lay_out(self) -> None:
        around = QVBoxLayout(self)
        around.setContentsMargins(12, 10, 12, 12)
        self.empty = text_label(dim=True)
        self.empty.setText(
            self.tr(
                "No lesson is open. Courses and their lessons are on the page File > Welcome Page."
            )
        )
        self.page = QWidget()
        self.page.hide()
        around.addWidget(self.empty)
        around.addWidget(self.page)
        around.addStretch()
        column = QVBoxLayout(self.page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self.heading, self.where = title(""), text_label(dim=True)
        self.heading.setWordWrap(True)
        self.heading.setObjectName("title")
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        head = QHBoxLayout()
        head.addWidget(self.where, 1)
        head.addWidget(self._make_languages())
        column.addWidget(self.heading)
        column.addLayout(head)
        column.addWidget(self._make_presenter())
        column.addLayout(self.body)
        column.addWidget(self._make_buttons())

    def _make_buttons(self) -> QWidget:
        """What one can do with a step, row by row, below its text."""
        self.back = QPushButton(self.tr("Back"))
        self.next = QPushButton(self.tr("Next"))
        self.hint = QPushButton(self.tr("Hint"))
        self.solve = QPushButton(self.tr("Do it for me"))
        self.leave = QPushButton(self.tr("Leave the lesson"))
        self.hand_in = QPushButton(self.tr("Hand in…"))
        self.teacher = QCheckBox(self.tr("Teacher's notes"))
        self.back.clicked.connect(lambda: self.show_step(self.place - 1))
        self.next.clicked.connect(self._on_next)
        self.hint.clicked.connect(self._on_hint)
        self.solve.clicked.connect(self.solve_wanted)
        self.leave.clicked.connect(self.leave_wanted)
        self.hand_in.clicked.connect(self.hand_in_wanted)
        self.teacher.toggled.connect(lambda _on: self._arrange())
        self.buttons = QWidget()
        below = QVBoxLayout(self.buttons)
        below.setContentsMargins(0, 0, 0, 0)
        for row in ((self.hint, self.solve), (self.back, self.next), (self.hand_in, self.leave)):
            line = QHBoxLayout()
            for button in row:
                line.addWidget(button)
            below.addLayout(line)
        last = QHBoxLayout()
        last.addWidget(self.teacher)
        last.addWidget(self.present)
        below.addLayout(last)
        return self.buttons

    def _make_languages(self) -> QComboBox:
        """The languages that the lesson can be read in."""
        self.languages = QComboBox()
        self.languages.setAccessibleName(self.tr("Language of the lesson"))
        self.languages.setToolTip(self.tr("Read the lesson in another language."))
        self.languages.activated.connect(
            lambda i: self.language_wanted.emit(self.languages.itemData(i))
        )
        self.languages.hide()
        return self.languages

    def _make_presenter(self) -> QWidget:
        """What a teacher has at hand in front of a class."""
        self.present = QCheckBox(self.tr("Present"))
        self.present.setToolTip(self.tr("Large letters, notes, and any step, as on a projector."))
        self.present.toggled.connect(self.present_wanted)
        self.jump = QComboBox()
        self.jump.setAccessibleName(self.tr("Go to a step"))
        self.jump.activated.connect(self.show_step)
        self.reveal = QPushButton(self.tr("Reveal"))
        self.reveal.setToolTip(self.tr("Show the answers and all that follows them."))
        self.reveal.clicked.connect(self.reveal_all)
        self.again = QPushButton(self.tr("Begin the step again"))
        self.again.clicked.connect(self.again_wanted)
        self.presenter = QWidget()
        column = QVBoxLayout(self.presenter)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.jump)
        line = QHBoxLayout()
        line.addWidget(self.reveal)
        line.addWidget(self.again)
        column.addLayout(line)
        self.presenter.hide()
        return self.presenter

    # -- the lesson ---------------------------------------------------------------------------

    @property
    def step(self) -> Step | None:
        """The step that is shown."""
        return self.lesson.steps[self.place] if self.lesson else None

    def open(
        self, lesson: Lesson, predictions: dict[str, float], done: dict[str, Any], at: int = 0
    ) -> None:
        """Begin a lesson at a step; what was predicted in it before stays locked."""
        self.previewing = False
        self.predictions = {k: v for k, v in predictions.items() if k in lesson.predictions}
        self.done = dict(done)
        self._begin(lesson)
        self.show_step(at)

    def preview(self, lesson: Lesson, place: int) -> None:
        """Show a step of a lesson that is being written: all of it, and nothing is done for it."""
        self.previewing = True
        self.predictions, self.done = {}, {}
        self._begin(lesson)
        self.place, self._values = min(place, len(lesson.steps) - 1), {}
        self._fill()
        self.refresh()

    def _begin(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.empty.hide()
        self.page.show()
        self.heading.setText(lesson.header.title)
        self._hints_shown.clear()
        self._revealed.clear()
        self.jump.clear()
        self.jump.addItems([f"{i}. {s.title}" for i, s in enumerate(lesson.steps, 1)])
        self.buttons.setVisible(not self.previewing)
        self.place = -1

    def translate(self, lesson: Lesson) -> None:
        """Show the same lesson in another language; nothing of what was done is lost."""
        place, shown_hints = self.place, dict(self._hints_shown)
        self.lesson = lesson
        self.heading.setText(lesson.header.title)
        for i, step in enumerate(lesson.steps):
            self.jump.setItemText(i, f"{i + 1}. {step.title}")
        passed = [task.passed for task in self._of(TaskCard)]
        self._hints_shown = shown_hints
        self.place = place
        self._fill()
        for task, done in zip(self._of(TaskCard), passed, strict=True):
            if done:
                task.set_passed()
        self._arrange()
        self.refresh()

    def show_languages(self, known: tuple[str, ...], current: str) -> None:
        """Offer the languages of the lesson; one alone is no choice."""
        self.languages.clear()
        for language in known:
            self.languages.addItem(LANGUAGES.get(language, language), language)
        self.languages.setCurrentIndex(max(0, self.languages.findData(current)))
        self.languages.setVisible(len(known) > 1)

    def set_presenting(self, on: bool) -> None:
        """Show the lesson in large letters, with notes and the buttons of a teacher."""
        if on == self.presenting:
            return
        self.presenting = on
        points = LARGER * fonts.POINTS
        large = f"* {{ font-size: {points}pt }} QLabel#title {{ font-size: {1.3 * points}pt }} "
        large += f"QComboBox, QLineEdit {{ min-height: {1.8 * points}px }}"
        self.setStyleSheet(large if on else "")
        self.presenter.setVisible(on)
        self.present.setChecked(on)
        self.teacher.setChecked(on)
        if self.lesson is not None:
            self.translate(self.lesson)  # headings and choices take the letters when they are made

    def reveal_all(self) -> None:
        """Show the answers of the step and all that follows them, whatever was answered."""
        self._revealed.add(self.place)
        self._arrange()
        self.refresh()

    def close_lesson(self) -> None:
        """Close the lesson that is shown."""
        self.lesson = None
        self.set_presenting(False)
        self.page.hide()
        self.empty.show()
        self.asking.emit(False)
        self._late.stop()
        self._clear()

    def show_step(self, place: int) -> None:
        """Show another step."""
        if self.lesson is None or not 0 <= place < len(self.lesson.steps):
            return
        if self.place >= 0:
            self.step_left.emit(self.place)
        self.place, self._values = place, {}
        self._revealed.discard(place)
        self._fill()
        self.jump.setCurrentIndex(place)
        self._begins = True
        self.step_entered.emit(place)
        self._pass_keys()
        self._newest = self.heading
        self.refresh()

    def _on_next(self) -> None:
        assert self.lesson is not None
        if self.place + 1 < len(self.lesson.steps):
            self.show_step(self.place + 1)
        else:
            self.leave_wanted.emit()

    @property
    def hints_shown(self) -> int:
        """How many hints of the step were taken."""
        return self._hints_shown.get(self.place, 0)

    def _on_hint(self) -> None:
        self._hints_shown[self.place] = self.hints_shown + 1
        self._arrange()
        self.refresh()

    # -- the step -----------------------------------------------------------------------------

    def _clear(self) -> None:
        while (item := self.body.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.cards, self._newest, self._settled = [], None, False

    def _fill(self) -> None:
        """Widgets of the step's parts, in order; hints and notes come behind them."""
        self._clear()
        step = self.step
        assert step is not None
        assert self.lesson is not None
        if self.place == 0 and self.lesson.intro.markdown:
            self.cards.append(Prose(self.lesson.intro.markdown, self.lesson.intro.lives))
        heading = QLabel(step.title)
        heading.setObjectName("step")
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        self.cards.append(heading)
        self.cards += [card for part in step.parts if (card := self._card(part)) is not None]
        self.measured = text_label(dim=True)
        self.cards.append(self.measured)
        self.hints = [Prose(h.markdown, h.lives) for h in step.hints]
        self.notes = [Prose(n.markdown, n.lives) for n in step.notes]
        for widget in (*self.cards, *self.hints, *self.notes):
            self.body.addWidget(widget)
        count = len(self.lesson.steps)
        self.where.setText(self.tr("Step {0} of {1}").format(self.place + 1, count))
        self.back.setEnabled(self.place > 0)
        self.next.setText(self.tr("Next") if self.place + 1 < count else self.tr("Finish"))
        self.solve.setVisible(bool(step.solution))
        self.teacher.setVisible(any(s.notes for s in self.lesson.steps))
        self._arrange()

    def _card(self, part: object) -> QWidget | None:
        if isinstance(part, Text):
            return Prose(part.markdown, part.lives)
        if isinstance(part, Predict):
            question = PredictCard(part)
            if part.id in self.predictions:
                question.set_answer(self.predictions[part.id])
            question.locked.connect(lambda given, name=part.id: self._on_locked(name, given))
            return question
        if isinstance(part, Task):
            task = TaskCard(part)
            task.check_wanted.connect(lambda: self.check(task))
            return task
        return RevealCard(part) if isinstance(part, Reveal) else None

    def _on_locked(self, name: str, given: float) -> None:
        self.predictions[name] = given
        self.predicted.emit(name, given)
        self._arrange()
        self._pass_keys()
        self.refresh()

    def _has_keys(self) -> bool:
        """Whether the keys go to this panel, and not to what the task is done with."""
        keys = self.window().focusWidget()
        return keys is not None and self.isAncestorOf(keys)

    def _pass_keys(self) -> None:
        """Give the keys to what is to be done next: they would go to the canvas otherwise."""
        wanted: QWidget = self.next
        for card in self.cards:
            if card.isHidden():
                continue
            if isinstance(card, PredictCard) and card.answer is None:
                wanted = card.first_field
                break
            if isinstance(card, TaskCard) and not card.passed:
                wanted = card.check
                break
        wanted.setFocus(Qt.FocusReason.OtherFocusReason)

    def _arrange(self) -> None:
        """What follows an open question is not shown yet; a reveal waits for the tasks too."""
        locked = done = True
        whole, come = self.all_shown, None
        for card in self.cards:
            ready = whole or (locked and (done or not isinstance(card, RevealCard)))
            come = card if ready and card.isHidden() and isinstance(card, Card) else come
            card.setVisible(ready)
            if isinstance(card, PredictCard):
                locked &= whole or card.answer is not None
            elif isinstance(card, TaskCard):
                done &= whole or card.passed
        if come is not None:
            self._newest, self._settled = come, False
            self._scroll.start()
        if not self.previewing:
            self.asking.emit(not locked)
        self.next.setEnabled(locked or self.teacher.isChecked())
        self.next.setToolTip("" if locked else self.tr("Lock your prediction first."))
        self.measured.setVisible(locked and done and bool(self.measured.text()))
        for i, hint in enumerate(self.hints):
            hint.setVisible(self.previewing or i < self.hints_shown)
        for note in self.notes:
            note.setVisible(self.previewing or self.teacher.isChecked())
        left = len(self.hints) - self.hints_shown
        self.hint.setVisible(left > 0)
        self.hint.setText(self.tr("Hint ({0} left)").format(left) if left else self.tr("Hint"))

    def _show_newest(self) -> None:
        """Scroll to what has come into the step; once more when its numbers have."""
        if self._newest is not None:
            scroll_to(self._newest)
            self._newest = None if self._settled else self._newest

    @property
    def all_shown(self) -> bool:
        """Whether nothing of the step is held back: a teacher said so, or it is being written."""
        return self.previewing or self.place in self._revealed

    @property
    def is_done(self) -> bool:
        """Whether every question of the step is answered and every task done."""
        answered = all(c.answer is not None for c in self._of(PredictCard))
        return answered and all(c.passed for c in self._of(TaskCard))

    def _of(self, kind: type) -> list[Any]:
        return [card for card in self.cards if isinstance(card, kind)]

    def set_busy(self, busy: bool) -> None:
        """Ask for no numbers while a setup or a solution is at work."""
        self.busy = busy
        self.solve.setEnabled(not busy)
        if not busy:
            self.refresh()

    # -- numbers ------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask for the numbers of what is shown, in a moment."""
        if self.lesson is not None and not self._late.isActive():
            self._late.start()

    def check(self, task: TaskCard) -> None:
        """Ask whether a task is done, and say why not."""
        self._asked = self._send(task.expressions)
        self._asked_of = task

    def _ask(self) -> None:
        if self._engine is None or self.lesson is None or self.busy:
            return
        if self._engine.state in ("running", "loading", "starting"):
            return
        asked = list(self._expressions())
        begins, self._begins = self._begins, False
        if asked or begins:
            self._send(tuple(dict.fromkeys(asked)), begins)

    def _expressions(self) -> Iterator[str]:
        step = self.step
        assert step is not None
        shown_now = (*self.cards, *self.hints, *self.notes)
        for card in (c for c in shown_now if c.isVisibleTo(self)):
            prose = card if isinstance(card, Prose) else getattr(card, "prose", None)
            if prose is not None:
                yield from prose.expressions
            if isinstance(card, TaskCard) and not card.passed:
                yield str(card.task.check)
        if self.is_done or self.all_shown:
            yield from (str(m.expression) for m in step.measures)
            for card in self._of(PredictCard):
                if card.question.outcome is not None:
                    yield str(card.question.outcome)

    def _send(self, expressions: tuple[str, ...], begins: bool = False) -> int:
        self._number += 1
        self.window_wanted.emit()
        self._engine.ask_of_document(
            FactsRequest(expressions, self._number, begins, self.shown_panels, self.plane)
        )
        return self._number

    def _on_facts(self, frame: FactsFrame) -> None:
        if self.lesson is None:
            return
        asked = self._asked_of if frame.number == self._asked else None
        news = False
        for task in self._of(TaskCard):
            if str(task.task.check) in (*frame.values, *frame.problems):
                news |= task.judge(frame.values, frame.problems, task is asked)
                task.values = {str(k): shown(v) for k, v in frame.values.items()}
        self._put({**self._values, **frame.values})
        if self.is_done or self.all_shown:
            self._show_outcomes()
        if not self.previewing:
            self._note_done()
        if self._newest is not None:
            self._settled = True
            self._scroll.start()
        if news:
            self._arrange()
            if asked is not None or self._has_keys():
                self._pass_keys()
            self.refresh()

    def _put(self, values: dict[str, Any]) -> None:
        """Show what expressions come to, wherever they stand in the step."""
        self._values = values
        for card in (*self.cards, *self.hints, *self.notes):
            prose = card if isinstance(card, Prose) else getattr(card, "prose", None)
            if prose is not None:
                prose.put(values)

    _asked_of: TaskCard | None = None

    def _show_outcomes(self) -> None:
        step = self.step
        assert step is not None
        for card in self._of(PredictCard):
            card.show_outcome(self._values)
        known = [(str(m.expression), self._values.get(str(m.expression))) for m in step.measures]
        lines = [f"{what} = {shown(v)}" for what, v in known if v is not None]
        said = [self.tr("Measured here:"), *lines] if lines else []
        self.measured.setText("\n".join(said))
        self.measured.setVisible(bool(lines))

    def _note_done(self) -> None:
        for i, task in enumerate(self._of(TaskCard), 1):
            self.done[f"{self.place + 1}.{i}"] = (task.passed, task.tries)
        if self.is_done:
            self.passed.emit(self.place)


__all__ = ["Card", "LessonPanel"]
