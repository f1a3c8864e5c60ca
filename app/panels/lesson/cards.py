"""What a student answers and does in a step: questions that are locked, tasks that are checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.panels.lesson.prose import Prose, shown
from app.style import icons
from app.widgets.section import text_label
from graphcore.lessons.answers import is_right
from graphcore.lessons.format import Predict, Reveal, Task


class _Choice(QWidget):
    """An answer to choose; a click on its words chooses it, too."""

    def __init__(self, choice: str) -> None:
        super().__init__()
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        self.button, self.words = QRadioButton(), Prose(choice, {})
        self.button.setAccessibleName(self.words.accessibleName())
        self.words.viewport().installEventFilter(self)
        line.addWidget(self.button)
        line.addWidget(self.words, 1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take a click for one on the button."""
        if event.type() == QEvent.Type.MouseButtonRelease and self.button.isEnabled():
            self.button.click()
        return super().eventFilter(watched, event)


class Card(QFrame):
    """A framed block of a step."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(12, 10, 12, 10)
        self.column.setSpacing(8)


class PredictCard(Card):
    """A question; its answer is locked once it is given.

    Signals:
        locked: the answer: the place of a choice, or a number.
    """

    locked = Signal(float)

    def __init__(self, question: Predict) -> None:
        super().__init__()
        self.question = question
        self.answer: float | None = None
        self.prose = Prose(question.question.markdown, question.question.lives)
        self.column.addWidget(self.prose)
        self.choices = QButtonGroup(self)
        self.number = QLineEdit()
        self.lock = QPushButton(self.tr("Lock my prediction"))
        self.lock.setEnabled(False)
        self.outcome = Prose("", {})
        self.outcome.hide()
        for i, choice in enumerate(question.choices):
            self._add_choice(i, choice)
        if question.outcome is not None:
            self.number.setAccessibleName(self.tr("Your prediction, a number"))
            self.number.setPlaceholderText(self.tr("a number"))
            self.number.textChanged.connect(self._on_text)
            self.number.returnPressed.connect(self.lock.click)
            self.column.addWidget(self.number)
        self.choices.idToggled.connect(lambda _i, _on: self.lock.setEnabled(True))
        self.lock.clicked.connect(self._on_lock)
        self.column.addWidget(self.lock)
        self.column.addWidget(self.outcome)

    def _add_choice(self, place: int, choice: str) -> None:
        row = _Choice(choice)
        self.choices.addButton(row.button, place)
        self.column.addWidget(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter takes the choice that has the keys; once more, it locks it."""
        button = self.focusWidget()
        if event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
        elif isinstance(button, QRadioButton) and not button.isChecked():
            button.setChecked(True)
        elif self.lock.isEnabled():
            self.lock.click()

    @property
    def first_field(self) -> QWidget:
        """What the keys answer the question with."""
        button = self.choices.checkedButton() or self.choices.button(0)
        return button if self.question.choices else self.number

    def _on_text(self, text: str) -> None:
        self.lock.setEnabled(_number(text) is not None)

    def _on_lock(self) -> None:
        given = float(self.choices.checkedId()) if self.question.choices else _number(
            self.number.text())  # fmt: skip
        if given is not None and given >= (0 if self.question.choices else -math.inf):
            self.set_answer(given)
            self.locked.emit(given)

    def set_answer(self, given: float) -> None:
        """Show an answer as locked."""
        self.answer = given
        if self.question.choices:
            button = self.choices.button(int(given))
            if button is not None:
                button.setChecked(True)
        else:
            self.number.setText(f"{given:g}")
        for button in self.choices.buttons():
            button.setEnabled(False)
        self.number.setEnabled(False)
        self.lock.setEnabled(False)
        self.lock.setText(self.tr("Locked"))
        self.lock.setIcon(icons.icon("lock"))

    def show_outcome(self, values: Mapping[str, Any]) -> None:
        """Say what came of it, beside the prediction if there is one."""
        found: float | None = None
        if self.question.outcome is not None:
            value = values.get(str(self.question.outcome))
            found = None if value is None or isinstance(value, str) else float(value)
            if found is None:
                return
        right = self.answer is not None and is_right(self.question, self.answer, found)
        if self.question.choices:
            it_is = self.question.choices[self.question.right]
        else:
            it_is = shown(found)
        said = self.tr("✓ As you said: {0}") if right else self.tr("✗ It is: {0}")
        if self.answer is None:
            said = self.tr("It is: {0}")
        self.outcome.say(said.format(it_is))
        self.outcome.show()


class TaskCard(Card):
    """A task with its check.

    Signals:
        check_wanted: the learner asks whether it is done.
    """

    check_wanted = Signal()

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task, self.passed, self.tries = task, False, 0
        self.values: dict[str, str] = {}
        self.prose = Prose(task.text.markdown, task.text.lives)
        self.check = QPushButton(self.tr("Check"))
        self.check.clicked.connect(self.check_wanted)
        self.reply: QWidget = QLabel()
        self.reply.hide()
        self.column.addWidget(self.prose)
        self.column.addWidget(self.check)
        self.column.addWidget(self.reply)

    @property
    def expressions(self) -> tuple[str, ...]:
        """What has to be known to say whether it is done, and what to say if it is not."""
        asked = [str(self.task.check)]
        for reply in self.task.replies:
            asked += [str(reply.when)] if reply.when is not None else []
            asked += [str(live.expression) for live in reply.text.lives.values()]
        return tuple(asked)

    def judge(self, values: Mapping[str, Any], problems: Mapping[str, str], asked: bool) -> bool:
        """Note what the check came to; return whether it holds now for the first time.

        Args:
            asked: whether the learner asked, and is told why it does not hold.
        """
        holds = bool(values.get(str(self.task.check), False))
        self.tries += asked and not self.passed
        if holds and not self.passed:
            self.set_passed()
            return True
        if asked and not self.passed:
            self._say_why(values, problems)
        return False

    def set_passed(self) -> None:
        """Show the task as done."""
        self.passed = True
        self.tries = max(1, self.tries)
        self.check.setText(self.tr("Done"))
        self.check.setIcon(icons.icon("check"))
        self.check.setEnabled(False)
        self.reply.hide()

    def _say_why(self, values: Mapping[str, Any], problems: Mapping[str, str]) -> None:
        replies = (r for r in self.task.replies if r.when is None or values.get(str(r.when)))
        found = next(replies, None)
        if found is not None:
            said: QWidget = Prose(self.tr("Not yet: {0}").format(found.text.markdown),
                                  found.text.lives)  # fmt: skip
            said.put(values, {})  # type: ignore[attr-defined]
        else:
            why = problems.get(str(self.task.check), "")
            said = text_label(self.tr("Not yet. {0}").format(why))
        self.column.replaceWidget(self.reply, said)
        self.reply.deleteLater()
        self.reply = said
        said.show()


class RevealCard(Card):
    """What appears once the questions before it are locked and the tasks before it done."""

    def __init__(self, reveal: Reveal) -> None:
        super().__init__()
        self.prose = Prose(reveal.text.markdown, reveal.text.lives)
        self.column.addWidget(self.prose)


def _number(text: str) -> float | None:
    """A typed number; a comma counts as a point."""
    try:
        found = float(text.strip().replace(",", ".").removesuffix("%"))
    except ValueError:
        return None
    return found if math.isfinite(found) else None
