"""Which part of the picture the answer rests on, and how little it takes to change the answer."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.plots.tile_view import TileView
from app.widgets.layouts import in_column
from app.widgets.number_field import WholeField
from graphcore.records.arrays import Array, unpack
from graphcore.training.sample import Sample
from graphcore.views.saliency import AttributionFrame, AttributionRequest


class SaliencyPanel(Panel):
    """Four pictures of one sample: itself, the gradient, Grad-CAM, and nudged."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self.sample = WholeField()
        self.sample.setAccessibleName(self.tr("Sample"))
        self.sample.setToolTip(self.tr("Which sample: see also Samples"))
        self.sample.valueChanged.connect(self._choose)
        self.layer = QComboBox()
        self.layer.setAccessibleName(self.tr("Convolution"))
        self.layer.setToolTip(self.tr("The convolution whose maps are weighed"))
        self.layer.activated.connect(lambda _i: self.look())
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.views = {
            key: TileView(title)
            for key, title in (
                ("image", self.tr("Sample")), ("saliency", self.tr("Saliency")),
                ("cam", self.tr("Grad-CAM")), ("nudged", self.tr("Nudged")),
            )
        }  # fmt: skip
        self.captions = {key: QLabel() for key in self.views}
        self._lay_out()
        self._frame: AttributionFrame | None = None
        engine.on(AttributionFrame, self.show_reply)
        engine.sample_chosen.connect(lambda _sample: self.look())
        engine.held.connect(lambda _holds: self._say())
        self.clear()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        self.folds = [row]
        row.setContentsMargins(10, 6, 10, 8)
        row.setSpacing(14)
        side = QFormLayout()
        side.addRow(self.tr("Sample"), self.sample)
        side.addRow(self.tr("Grad-CAM at"), self.layer)
        side.addRow(self.said)
        row.addLayout(side, 2)
        for key, view in self.views.items():
            self.captions[key].setWordWrap(True)
            self.captions[key].setObjectName("muted")
            row.addLayout(in_column((view, 1), self.captions[key]), 2)

    def clear(self) -> None:
        """Another graph."""
        self._frame = None
        for view, caption in zip(self.views.values(), self.captions.values(), strict=True):
            view.clear()
            caption.setText("")
        with QSignalBlocker(self.sample):
            self.sample.setRange(0, 0)
        self.layer.clear()
        self.said.setText(self.tr("Explanations appear here as soon as a net for images can run."))

    def looks_at(self) -> AttributionRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        return AttributionRequest(self._engine.chosen_sample, self.layer.currentText())

    def _choose(self, index: int) -> None:
        self._engine.choose_sample(Sample(index, self._engine.chosen_sample.split))

    def show_reply(self, frame: AttributionFrame) -> None:
        """Show what an answer rests on."""
        if frame.problem:
            self.clear()
            self.said.setText(frame.problem)
            return
        self._frame = frame
        with QSignalBlocker(self.sample):
            self.sample.setRange(0, frame.samples - 1)
            self.sample.setValue(self._engine.chosen_sample.index)
        if frame.convolutions != tuple(self.layer.itemText(i) for i in range(self.layer.count())):
            self.layer.clear()
            self.layer.addItems(frame.convolutions)
        self.layer.setCurrentText(frame.node)
        self._show("image", frame.image, self.tr("a {0}").format(frame.label))
        self._show("saliency", frame.saliency, self.tr(
            "Gradient of the score of {0}: where ink would help (orange) or hurt (blue)"
        ).format(frame.answer))  # fmt: skip
        cam = self.tr("What {0} saw that speaks for {1}").format(frame.node, frame.answer)
        none = self.tr("Grad-CAM needs a convolution")
        self._show("cam", frame.cam, cam if frame.cam is not None else none)
        changed = self.tr("Each pixel moved by {0:.3g} at most: predicted as {1} ({2:.0%})").format(
            frame.size, frame.new_answer, frame.new_share
        )
        stays = self.tr("No step along the gradient changes this answer")
        self._show("nudged", frame.nudged, changed if frame.nudged is not None else stays)
        self._say()

    def _say(self) -> None:
        frame = self._frame
        if frame is None:
            return
        said = self.tr("Step {0:,}: predicted as {1} ({2:.1%}).").format(
            frame.step, frame.answer, frame.share
        )
        if self._engine.holds:
            said += self.tr(" This is the net without the values held in What if.")
        self.said.setText(said)

    def _show(self, key: str, picture: Array | None, caption: str) -> None:
        view = self.views[key]
        if picture is None:
            view.clear()
        else:
            maps = unpack(picture)
            view.set_maps(maps if maps.ndim == 3 else maps[None])
        self.captions[key].setText(caption)
