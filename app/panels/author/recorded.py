"""What was recorded: which of what holds now the task asks for, and in which words."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QLineEdit, QPushButton, QVBoxLayout

from app.style import fonts
from app.widgets.layouts import in_column, in_row
from app.widgets.section import text_label
from graphcore.views.lesson import Proposed, RecordingFrame


class RecordedCard(QFrame):
    """Offers checks; what is ticked becomes the task's.

    Signals:
        chosen: the task is to be put in. dropped: it is not.
    """

    chosen = Signal()
    dropped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.ticks: list[tuple[QCheckBox, Proposed]] = []
        self.solution: tuple[str, ...] = ()
        self.whole = True
        self.said = text_label()
        self.words = QLineEdit()
        self.words.setAccessibleName(self.tr("The task in words"))
        self.words.setPlaceholderText(self.tr("The task in words: what is to be done?"))
        self.put = QPushButton(self.tr("Put the task in"))
        self.drop = QPushButton(self.tr("Drop"))
        self._rows = QVBoxLayout()
        in_column(
            self.said, self._rows, self.words, in_row(self.put, self.drop),
            on=self, margins=(12, 10, 12, 10),
        )  # fmt: skip
        self.put.clicked.connect(self.chosen)
        self.words.returnPressed.connect(self.put.click)
        self.drop.clicked.connect(self.dropped)
        self.hide()

    def offer(self, found: RecordingFrame) -> None:
        """Show what can be asked for; nothing to be ticked is said in a sentence."""
        self._clear()
        self.solution, self.whole = found.solution, found.whole
        font = fonts.figure_font()
        font.setFamily(fonts.MONO)
        for proposal in found.proposals:
            tick = QCheckBox(proposal.check.replace("&", "&&"))
            tick.setFont(font)
            tick.setChecked(proposal.likely)
            tick.toggled.connect(lambda _on: self._note_ticks())
            self._rows.addWidget(tick)
            self.ticks.append((tick, proposal))
        nothing = self.tr(
            "Nothing that a check could ask for has changed. Change the graph, a setting or a "
            "weight, train, or open a panel, and record again."
        )
        ask = self.tr("This holds now and did not hold before. What does the task ask for?")
        self.said.setText(found.problem or (ask if self.ticks else nothing))
        for widget in (self.words, self.put):
            widget.setVisible(bool(self.ticks))
        self._note_ticks()
        self.show()
        self.words.setFocus()

    @property
    def ticked(self) -> Sequence[Proposed]:
        """What the task asks for."""
        return [proposal for tick, proposal in self.ticks if tick.isChecked()]

    def _note_ticks(self) -> None:
        self.put.setEnabled(bool(self.ticked))

    def _clear(self) -> None:
        for tick, _ in self.ticks:
            tick.hide()
            tick.deleteLater()
        self.ticks.clear()
        self.words.clear()
