"""Numbers typed into cells: those of a sample, or those that the graph's inputs have of their own.

What is typed over a sample of data makes another sample; what is typed over an input's own
numbers changes the graph and can be undone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.samples.cells import NumberCells
from app.widgets import file_dialogs
from graphcore.datasets.images import read_image
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Node
from graphcore.records.arrays import pack, unpack
from graphcore.training.sample import Sample
from graphcore.views.stepper import WalkFrame

LARGEST = 4096
"""Numbers of a sample that are put into a table."""
LEAST_PICTURE = 16
"""Numbers that a vector has, at least, to be taken for a square picture."""


@dataclass(frozen=True, eq=False)
class Cells:
    """What is shown in the cells.

    Attributes:
        inputs: the nodes whose own numbers these are; none for a sample of data.
        numbers: of any shape; NaN where there is no number yet.
        shape: of one sample.
    """

    inputs: tuple[str, ...]
    numbers: np.ndarray
    shape: tuple[int, ...]

    @property
    def sheet(self) -> np.ndarray:
        """As rows and columns: a vector goes down, maps lie below each other."""
        a = self.numbers
        return a.reshape(-1, a.shape[-1]) if a.ndim > 1 else a.reshape(-1, 1)

    def rows(self, names: Sequence[str]) -> list[str]:
        """Headings of the rows: names of the columns of a table, of single numbers, or counted."""
        a = self.numbers
        if len(self.inputs) > 1 or (self.inputs and not self.shape):
            return list(self.inputs)
        if a.ndim < 2:
            return list(names) if len(names) == a.size else [str(i) for i in range(a.size)]
        above = a.shape[:-2]
        counted = range(math.prod(above) * a.shape[-2])
        if math.prod(above) == 1:
            return [str(i) for i in counted]
        return [", ".join(map(str, np.unravel_index(i, a.shape[:-1]))) for i in counted]

    def picture_size(self) -> tuple[str, int, int] | None:
        """Mode, height and width of the picture that fills the cells; None where none does."""
        *channels, height, width = (1, 1, *self.shape)
        count = math.prod(self.shape)
        if len(self.shape) == 1 and count >= LEAST_PICTURE and math.isqrt(count) ** 2 == count:
            return "L", math.isqrt(count), math.isqrt(count)
        if len(self.shape) not in (2, 3) or channels[-1] not in (1, 3):
            return None
        return "L" if channels[-1] == 1 else "RGB", height, width


class TypedSample(QWidget):
    """Cells for a sample of the data, and for every input that has numbers of its own."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self._columns: tuple[str, ...] = ()
        self._frame: WalkFrame | None = None
        self._without_data = False
        self._cells: Cells | None = None
        self.which = QComboBox()
        self.which.setAccessibleName(self.tr("Input"))
        self.which.setToolTip(self.tr("The input whose numbers are shown"))
        self.which.currentIndexChanged.connect(lambda _i: self._show())
        self.table = NumberCells()
        self.table.entered.connect(self._enter)
        self.said = QLabel()
        self.said.setObjectName("muted")
        self.said.setWordWrap(True)
        self.table.refused.connect(self._say)
        self.answers = QLabel()
        self.answers.setTextFormat(Qt.TextFormat.PlainText)
        self.answers.setWordWrap(True)
        self.paste = QPushButton(self.tr("Paste"))
        self.paste.setToolTip(
            self.tr("Numbers of a spreadsheet, from the chosen cell on; as many as there are cells "
                    "fill all of them  (Ctrl+V)")
        )  # fmt: skip
        self.paste.clicked.connect(self.table.paste)
        self.picture = QPushButton(self.tr("Picture…"))
        self.picture.setToolTip(
            self.tr("Load a picture, scaled to the cells: black is 0, white is 1")
        )
        self.picture.clicked.connect(self._load_picture)
        self.reset = QPushButton(self.tr("Reset"))
        self.reset.setToolTip(self.tr("Restore the sample of the data set"))
        self.reset.clicked.connect(self._reset)
        self._lay_out()
        self._list_inputs()
        document.changed.connect(lambda _change: self._on_document())

    def _lay_out(self) -> None:
        column, row = QVBoxLayout(self), QHBoxLayout()
        column.setContentsMargins(0, 4, 0, 0)
        for button in (self.paste, self.picture, self.reset):
            row.addWidget(button)
        row.addStretch(1)
        column.addWidget(self.which)
        column.addWidget(self.table, 1)
        column.addWidget(self.said)
        column.addLayout(row)
        column.addWidget(self.answers)
        column.addStretch()

    # -- what is shown ------------------------------------------------------------------------

    def clear(self) -> None:
        """Show no numbers, until there is a sample of the graph."""
        self._frame, self._without_data, self._columns = None, False, ()
        self._list_inputs()

    def set_data(self, there: bool, columns: tuple[str, ...]) -> None:
        """Told whether samples come out of data, and what each number of one is called."""
        self._without_data, self._columns = not there, columns
        self._list_inputs()

    def show_sample(self, frame: WalkFrame) -> None:
        """Show the numbers of the sample, and the graph's own."""
        self._frame = frame
        self._list_inputs()

    def _on_document(self) -> None:
        if self._own_inputs():
            self._list_inputs()

    def _own_inputs(self) -> list[Node]:
        """The inputs that data do not fill."""
        given = self._frame is not None and self._frame.given is not None
        found = [n for n in self._document.root if n.operator == "Input"]
        waiting = not given and self._without_data
        return [n for n in found if n.attributes["value"] is not None or waiting]

    def _list_inputs(self) -> None:
        """Name what there is to type: the sample, the single numbers together, other inputs."""
        own = self._own_inputs()
        single = tuple(n.name for n in own if not _shape(n))
        listed: list[tuple[str, tuple[str, ...]]] = []
        if self._frame is not None and self._frame.given is not None:
            listed.append((self.tr("the sample"), ()))
        if single:
            listed.append((", ".join(single), single))
        listed += [(n.name, (n.name,)) for n in own if _shape(n)]
        if listed != [(self.which.itemText(i), self.which.itemData(i))
                      for i in range(self.which.count())]:  # fmt: skip
            kept = self.which.currentText()
            with QSignalBlocker(self.which):
                self.which.clear()
                for name, inputs in listed:
                    self.which.addItem(name, inputs)
                self.which.setCurrentIndex(max(0, self.which.findText(kept)))
        self.which.setVisible(len(listed) > 1)
        self._show()

    def _found(self) -> Cells | None:
        inputs = self.which.currentData()
        if inputs is None:
            return None
        frame = self._frame
        if inputs:
            return own_cells([self._document.root.node(name) for name in inputs])
        assert frame is not None
        assert frame.given is not None
        numbers = np.array(unpack(frame.given), np.float64)
        return Cells((), numbers, numbers.shape)

    def _show(self) -> None:
        found = self._cells = self._found()
        sheet = np.zeros((0, 0)) if found is None else found.sheet
        large = sheet.size > LARGEST
        own = (
            found is not None and not found.inputs and self._engine.chosen_sample.given is not None
        )
        said = self.tr("{0:,} numbers are too many for cells: load a picture.").format(sheet.size)
        if own:
            said = self.tr("{0:,} numbers of a picture are the sample.").format(sheet.size)
        self._say(said if large else "")
        rows = found.rows(self._columns) if found is not None and not large else []
        if large:
            sheet = np.zeros((0, 0))
        self.table.show_sheet(sheet, rows, [str(i) for i in range(sheet.shape[1])])
        self.table.setVisible(not large)
        self._show_answers(found is not None and not found.inputs)
        self.paste.setEnabled(bool(sheet.size))
        self.picture.setEnabled(found is not None and found.picture_size() is not None)
        self.reset.setVisible(found is not None and not found.inputs)
        self.reset.setEnabled(self._engine.chosen_sample.given is not None)

    def _show_answers(self, of_sample: bool) -> None:
        """The likeliest classes of numbers of one's own."""
        own = of_sample and self._engine.chosen_sample.given is not None
        likeliest = self._frame.likeliest if self._frame is not None and own else ()
        lines = [self.tr("The net says:"), *(f"{s:.1%}  {name}" for name, s in likeliest)]
        self.answers.setText("\n".join(lines))
        self.answers.setVisible(bool(likeliest))

    def _say(self, sentence: str) -> None:
        self.said.setText(sentence)
        self.said.setVisible(bool(sentence))

    # -- what is entered ----------------------------------------------------------------------

    def _enter(self, places: Sequence[int], numbers: Sequence[float]) -> None:
        """Take other numbers at these places, in row order."""
        found = self._cells
        if found is None:
            return
        whole = np.nan_to_num(np.array(found.numbers, np.float64), nan=0.0)
        whole.reshape(-1)[list(places)] = numbers
        if not found.inputs:
            before = self._engine.chosen_sample
            given = pack(whole.astype(np.float32))
            self._engine.choose_sample(
                Sample(before.index, before.split, given, label=before.label)
            )
        elif self._document.prefix:
            self._show()
            self._say(self.tr("Leave the composite to change the numbers of an input."))
        else:
            self._set_inputs(found, whole, places)

    def _set_inputs(self, found: Cells, whole: np.ndarray, places: Sequence[int]) -> None:
        chosen = found.inputs if found.shape else [found.inputs[i] for i in places]
        values: list[Any] = [whole.tolist()] if found.shape else [float(whole[i]) for i in places]
        try:
            with self._document.macro(self.tr("Numbers of {0}").format(", ".join(chosen))):
                for name, value in zip(chosen, values, strict=True):
                    self._document.set_attributes(name, value=value)
        except GradscapeError as error:
            self._show()
            self._say(str(error))

    def _load_picture(self) -> None:
        found = self._cells
        size = found.picture_size() if found is not None else None
        path = file_dialogs.ask_picture(self, "") if size is not None else ""
        if not path or size is None or found is None:
            return
        try:
            pixels = read_image(Path(path), size[0], size[1:])
        except GradscapeError as error:
            self._say(str(error))
            return
        self._enter(range(pixels.size), pixels.reshape(-1).astype(np.float64).tolist())

    def _reset(self) -> None:
        before = self._engine.chosen_sample
        self._engine.choose_sample(Sample(before.index, before.split))


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(node.attributes["shape"])


def own_cells(nodes: Sequence[Node]) -> Cells:
    """Return the numbers that inputs have of their own: several single ones, or those of one."""
    names, shape = tuple(n.name for n in nodes), _shape(nodes[0])
    values = [n.attributes["value"] for n in nodes]
    if not shape:
        flat = [np.nan if v is None else float(np.ravel(v)[0]) for v in values]
        return Cells(names, np.array(flat), ())
    one = math.prod(shape)
    numbers = np.full(one, np.nan) if values[0] is None else np.array(values[0], np.float64).ravel()
    if not numbers.size or numbers.size % one:
        numbers = np.full(one, np.nan)
    several = (numbers.size // one,) if numbers.size > one else ()
    return Cells(names, numbers.reshape(*several, *shape), shape)
