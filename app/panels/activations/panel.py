"""A layer from the inside, live: activation and weights, and the gradients of both beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.plots.tile_view import TileView, as_maps
from app.widgets.layouts import in_column, in_row
from app.widgets.note import Note
from app.widgets.number_field import WholeField
from app.widgets.numbers import format_number
from app.widgets.rich_label import RichLabel
from graphcore.records.arrays import unpack
from graphcore.records.pictures import Picture
from graphcore.session import messages as m
from graphcore.views.digit_pad import DigitFrame
from graphcore.views.samples import SampleFrame, SampleRequest

Pictures = Mapping[str, Picture]

STEP, SAMPLE, DRAWN = range(3)
"""The sample whose activations are shown: of the running step, of a test sample, of the drawing."""
GAP = 12
"""Pixels between what stands side by side: no heading runs into the next."""
MOST = 4
"""Nodes that can be pinned below each other."""


class LayerRow(QWidget):
    """One node: its activation and weights, each with its gradient to the right.

    Attributes:
        node: name in the whole graph, such as ``block/conv``.
        views: "value", "gradient", "weights", "weights_gradient" -> where each is shown.
    """

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node
        names = (self.tr("Activation"), self.tr("its gradient"), self.tr("Weights"),
                 self.tr("their gradient"))  # fmt: skip
        kinds = ("value", "gradient", "weights", "weights_gradient")
        self.views: dict[str, TileView] = {}
        self._captions: dict[str, tuple[Note, Note]] = {}
        self._maps: dict[str, np.ndarray] = {}
        self.one_scale = False
        self.title = RichLabel()
        self.title.show_markup("<b>{0}</b>", node)
        self.unpin = QToolButton()
        self.unpin.setText("×")
        self.unpin.setAutoRaise(True)
        self.unpin.setToolTip(self.tr("Unpin {0}").format(node))
        self.unpin.setAccessibleName(self.unpin.toolTip())
        head = in_row(self.title, self.unpin, 1)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        for kind, name in zip(kinds, names, strict=True):
            heading, told = Note(), Note()
            heading.setText(name)
            view = self.views[kind] = TileView(f"{node}: {name}", self.tr("nothing yet"))
            view.setMinimumHeight(110)
            self._captions[kind] = told, heading
            row.addLayout(in_column(heading, told, (view, 1), spacing=2), 1)
        in_column(head, (row, 1), on=self, margins=(0, 0, 0, 4))

    def forget_gradients(self, why: str) -> None:
        """What is shown next may have none, or others."""
        for kind in ("gradient", "weights_gradient"):
            self._maps.pop(kind, None)
            self.views[kind].clear(why)
            self._captions[kind][0].setText("")

    def show_pictures(self, values: Pictures, gradients: Pictures) -> None:
        """Show the pictures that are of this node."""
        weights = next((k for k in values if k.startswith(f"{self.node}.")), "")
        for kind, sent, key in (
            ("value", values, self.node), ("gradient", gradients, self.node),
            ("weights", values, weights), ("weights_gradient", gradients, weights),
        ):  # fmt: skip
            if key in sent:
                self._show(kind, sent[key])
        has_weights = bool(weights) or "weights" in self._maps
        for kind in ("weights", "weights_gradient"):
            self.views[kind].setVisible(has_weights)
            for note in self._captions[kind]:
                note.setVisible(has_weights)

    def _show(self, kind: str, picture: Picture) -> None:
        array = unpack(picture.array)
        maps = as_maps(array)
        caption, heading = self._captions[kind]
        low, high = format_number(picture.low, 2), format_number(picture.high, 2)
        told = format_number(float(array), 6) if maps is None else f"{low} … {high}"
        caption.setText(told)
        about = self.tr("{0}, shape {1}: {2}").format(heading.text(), picture.shape, told)
        for note in (heading, caption):
            note.setToolTip(about)
        self._maps[kind] = array.reshape(1, 1, 1) if maps is None else maps
        self.rescale()

    def rescale(self) -> None:
        """Colours for each on its own scale, or for all on one."""
        largest = max((np.nanmax(np.abs(a)) for a in self._maps.values()), default=0.0)
        for kind, maps in self._maps.items():
            self.views[kind].set_maps(maps, limit=float(largest) if self.one_scale else None)


class ActivationsPanel(Panel):
    """The selected node, and those that are pinned; asks for their pictures while it is seen."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._selected = ""
        self._pinned: list[str] = []
        self.rows: dict[str, LayerRow] = {}
        column = in_column(self._make_controls(), on=self, margins=(8, 4, 8, 8))
        self.empty = QLabel(
            self.tr("Select a node on the canvas: its activation, its weights and the gradients "
                    "of both appear here, at every step that is shown.")
        )  # fmt: skip
        self.empty.setObjectName("muted")
        self.empty.setWordWrap(True)
        column.addWidget(self.empty)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        page = QWidget()
        self._stack = QVBoxLayout(page)
        self._stack.setContentsMargins(0, 0, 0, 0)
        area.setWidget(page)
        column.addWidget(area, 1)
        engine.frame.connect(self._on_frame)
        engine.on(SampleFrame, self._on_sample)
        engine.on(DigitFrame, self._on_digit)
        self._arrange()
        self._on_source()

    def _make_controls(self) -> QHBoxLayout:
        self.pin = QPushButton(self.tr("Pin"))
        self.pin.setToolTip(self.tr("Pin: keep showing this node when another is selected"))
        self.pin.clicked.connect(self._pin)
        self.one_scale = QCheckBox(self.tr("one colour scale"))
        self.one_scale.setToolTip(
            self.tr("The same colour means the same number in all pictures of a node")
        )
        self.one_scale.toggled.connect(self._rescale)
        self.of = QComboBox()
        self.of.addItems(
            [self.tr("the running step"), self.tr("a test sample"), self.tr("the drawn digit")]
        )
        self.of.setAccessibleName(self.tr("The sample whose activations are shown"))
        self.of.setToolTip(
            self.tr("The first sample of the running step; one test sample, which stays; or what "
                    "is drawn on the digit pad")
        )  # fmt: skip
        self.sample = WholeField()
        self.sample.setMaximum(0)
        self.sample.setAccessibleName(self.tr("Number of the test sample"))
        self.told = QLabel()
        self.told.setObjectName("muted")
        self.of.currentIndexChanged.connect(lambda _i: self._on_source())
        self.sample.valueChanged.connect(lambda _i: self.look())
        return in_row(
            self.pin, self.one_scale, QLabel(self.tr("of")), self.of, self.sample, self.told, 1
        )

    def clear(self) -> None:
        """The net is no more; its nodes may go on in one that is only run."""
        selected, pinned = self._selected, self._pinned
        self.forget()
        self._selected, self._pinned = selected, pinned
        self._arrange()

    def forget(self) -> None:
        """Another graph was opened."""
        self._selected, self._pinned = "", []
        self._arrange()

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""
        if len(names) == 1:
            self._selected = self._document.prefix + names[0]
            self._arrange()

    def _pin(self) -> None:
        if self._selected and self._selected not in self._pinned:
            self._pinned = [*self._pinned, self._selected][-MOST:]
            self._arrange()

    def _unpin(self, node: str) -> None:
        self._pinned = [n for n in self._pinned if n != node]
        if node == self._selected:
            self._selected = ""
        self._arrange()

    def _arrange(self) -> None:
        """A row per pinned node, then the selected one; rows that stay keep their pictures."""
        wanted = [*self._pinned]
        if self._selected and self._selected not in wanted:
            wanted.append(self._selected)
        for node in self.rows.keys() - set(wanted):
            row = self.rows.pop(node)
            self._stack.removeWidget(row)
            row.deleteLater()
        for node in wanted:
            row = self.rows.get(node) or self._new_row(node)
            self._stack.removeWidget(row)
            self._stack.addWidget(row)
            row.unpin.setVisible(node in self._pinned)
        self.empty.setVisible(not wanted)
        self.pin.setEnabled(bool(self._selected) and self._selected not in self._pinned)
        self.look()

    def _new_row(self, node: str) -> LayerRow:
        row = self.rows[node] = LayerRow(node)
        row.one_scale = self.one_scale.isChecked()
        row.forget_gradients(self._no_gradient())
        row.unpin.clicked.connect(lambda _on: self._unpin(node), Qt.ConnectionType.QueuedConnection)
        return row

    def looks_at(self) -> SampleRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        sampled = self.of.currentIndex() == SAMPLE
        return SampleRequest(tuple(self.rows) if sampled else (), self.sample.value())

    def look(self) -> None:
        """Ask for the pictures of the nodes that are shown, of the running step and of a sample."""
        self._engine.shown.watch_closely(tuple(self.rows) if self._seen else ())
        super().look()

    def _no_gradient(self) -> str:
        if self.of.currentIndex() == DRAWN:
            return self.tr("A drawing has no target, so there is no loss and no gradient.")
        return self.tr("nothing yet")

    def _on_source(self) -> None:
        """Another sample: what is shown of the one before goes."""
        source = self.of.currentIndex()
        self.sample.setVisible(source == SAMPLE)
        self.told.setText(self.tr("Draw on the digit pad.") if source == DRAWN else "")
        for row in self.rows.values():
            row.forget_gradients(self._no_gradient())
        self.look()

    def _rescale(self, on: bool) -> None:
        for row in self.rows.values():
            row.one_scale = on
            row.rescale()

    def _on_frame(self, frame: m.Frame) -> None:
        if self.of.currentIndex() == STEP:
            self._show(frame.values, frame.gradients)

    def _on_sample(self, frame: SampleFrame) -> None:
        if self.of.currentIndex() != SAMPLE:
            return
        blocker = QSignalBlocker(self.sample)
        self.sample.setMaximum(max(0, frame.samples - 1))
        blocker.unblock()
        text = frame.problem or self.tr("step {0:,}").format(frame.step)
        if frame.label >= 0:
            named = [
                frame.classes[i] if i < len(frame.classes) else str(i)
                for i in (frame.label, frame.answer)
            ]
            text = self.tr("a {0}, predicted as {1} at step {2:,}").format(*named, frame.step)
        self.told.setText(text)
        self._show(frame.values, frame.gradients)

    def _on_digit(self, frame: DigitFrame) -> None:
        if self.of.currentIndex() == DRAWN and frame.values:
            self.told.setText("")
            self._show(frame.values, {})

    def _show(self, values: Pictures, gradients: Pictures) -> None:
        if self._seen and (values or gradients):
            for row in self.rows.values():
                row.show_pictures(values, gradients)
