"""A row of one's own in the columns of the table, and what the net says of it."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from app.engine.engine import Engine
from app.widgets.layouts import in_column
from app.widgets.numbers import plain_number
from app.widgets.section import text_label
from graphcore.datasets.dataset import RawColumn
from graphcore.errors import short
from graphcore.training.sample import Sample
from graphcore.views.own_row import RowFrame, RowRequest

MOST_FIELDS = 100
LONGEST = 40


class OwnRow(QWidget):
    """A field for each column, numbers to be typed and words to be chosen; the answer above.

    Signals:
        asked: another row is to be answered. has_columns: whether the data are a table.
    """

    asked = Signal()
    has_columns = Signal(bool)

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._columns: tuple[RawColumn, ...] = ()
        self._typed: dict[str, str] = {}
        self.fields: dict[str, QLineEdit | QComboBox] = {}
        self.answer, self.shares = QLabel(), text_label(dim=True)
        self.answer.setObjectName("figure")
        self.answer.setWordWrap(True)
        self.answer.setAccessibleName(self.tr("Answer of the net"))
        self._form = QFormLayout()
        in_column(self.answer, self.shares, self._form, 1, on=self, margins=(0, 6, 0, 0))
        engine.on(RowFrame, self._on_frame)
        engine.sample_chosen.connect(self._on_sample)

    @property
    def request(self) -> RowRequest:
        """What is asked: the row that was typed, or that of the sample that is looked at."""
        sample = self._engine.chosen_sample
        return RowRequest(values=self._typed, sample=Sample(sample.index, sample.split))

    def clear(self) -> None:
        """Another graph was opened."""
        self._typed = {}
        self._make(())

    def _on_sample(self, sample: Sample) -> None:
        if sample.given is None:
            self._typed = {}
            self.asked.emit()

    # -- what comes ---------------------------------------------------------------------------

    def _on_frame(self, frame: RowFrame) -> None:
        if frame.columns != self._columns:
            self._make(frame.columns)
        if frame.values != self._typed and self._typed:
            return  # of the row before
        self._show_answer(frame)
        if not frame.typed:
            self._show_values(frame.values)
        elif frame.given is not None:
            before = self._engine.chosen_sample
            own = Sample(before.index, before.split, frame.given, label=before.label)
            self._engine.choose_sample(own)

    def _make(self, columns: tuple[RawColumn, ...]) -> None:
        """Fields for these columns."""
        self._columns = columns if len(columns) <= MOST_FIELDS else ()
        while self._form.rowCount():
            self._form.removeRow(0)
        self.fields = {}
        for column in self._columns:
            field = QComboBox() if column.words else QLineEdit()
            field.setAccessibleName(column.name)
            field.setToolTip(column.name)
            if isinstance(field, QComboBox):
                field.addItems(list(column.words))
                field.setMinimumContentsLength(6)
                field.activated.connect(self._on_edit)
            else:
                field.textEdited.connect(self._on_edit)
            self.fields[column.name] = field
            self._form.addRow(short(column.name, LONGEST), field)
        self.has_columns.emit(bool(self._columns))

    def _show_values(self, values: dict[str, str]) -> None:
        for name, field in self.fields.items():
            with QSignalBlocker(field):
                if isinstance(field, QComboBox):
                    field.setCurrentText(values[name])
                else:
                    field.setText(values[name])

    def _show_answer(self, frame: RowFrame) -> None:
        """The answer in the table's own words or units; what is wrong with the row."""
        called = f"{short(frame.target, LONGEST)}: " if frame.target else ""
        said = frame.answer or ", ".join(map(plain_number, frame.numbers))
        self.answer.setText(called + said if said else "")
        shares = "\n".join(f"{short(name, LONGEST)}  {share:.1%}" for name, share in frame.shares)
        self.shares.setText(frame.problem or shares)

    def _on_edit(self, _what: object) -> None:
        self._typed = {
            name: field.currentText() if isinstance(field, QComboBox) else field.text()
            for name, field in self.fields.items()
        }
        self.asked.emit()
