"""The samples as points: what a layer takes for alike lies together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.panels.results.panel import PICTURE
from app.plots import items
from app.plots.area import PlotArea
from app.plots.legend import Legend
from app.style import palette
from app.widgets.gallery import picture_of
from app.widgets.layouts import in_column, in_row
from graphcore.records.arrays import unpack
from graphcore.views.embedding import EmbeddingFrame, EmbeddingRequest, TsneFrame, TsneRequest

SYMBOLS = (("o", ""), ("t", " ▾"), ("s", " ▪"), ("d", " ◆"), ("+", " +"), ("star", " ★"))
"""Shapes, and how the legend says them: classes past the last colour get the colours again."""


LIVE, TSNE = range(2)


class EmbeddingPanel(Panel):
    """Follows the selected node; a click on a point shows its picture.

    Principal components follow the net while it learns; t-SNE is made on demand, and stays.
    """

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._node = ""
        self._frame: EmbeddingFrame | None = None
        self._colors: list[tuple[str, tuple[str, str]]] = []
        self.legend = Legend(self.tr("Test samples"))
        self.plot = PlotArea(self.tr("Embedding"))
        self.scatter = items.Dots(size=7, pen=None, hoverable=True, hoverSize=11)
        self.plot.addItem(self.scatter)
        self.scatter.sigClicked.connect(lambda _item, points, _event: self._on_clicked(points))
        self._make_controls()
        self.picture, self.words, self.stamp = QLabel(), QLabel(), QLabel()
        self.stamp.setObjectName("muted")
        for label in (self.words, self.stamp):
            label.setWordWrap(True)
        self.picture.setFixedSize(60, 60)
        self._lay_out()
        engine.on(EmbeddingFrame, self._on_live)
        engine.on(TsneFrame, self._on_tsne)
        engine.loaded.connect(lambda _loaded: self._set_busy(False))
        palette.notifier.changed.connect(self._draw)
        self.clear()

    def _make_controls(self) -> None:
        """Which plane; and for t-SNE a button, and how far it is."""
        self.method = QComboBox()
        self.method.addItems([self.tr("PCA, live"), self.tr("t-SNE")])
        self.method.setAccessibleName(self.tr("Plane"))
        self.method.setToolTip(
            self.tr("PCA follows the net at every step. t-SNE keeps neighbours together; it takes "
                    "some seconds, and training goes on meanwhile.")
        )  # fmt: skip
        self.make = QPushButton()
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        self.progress.setAccessibleName(self.tr("Progress of t-SNE"))
        self.method.currentIndexChanged.connect(lambda _i: self._on_method())
        self.make.clicked.connect(self._make_or_cancel)
        self._busy = False
        self._set_busy(False)

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        left = in_column(self.legend, (self.plot, 1))
        for widget in (
            self.method, self.make, self.progress, self.picture, self.words, self.stamp,
        ):  # fmt: skip
            right.addWidget(widget)
        right.addStretch(1)
        in_row((left, 4), (right, 1), on=self, margins=(8, 4, 8, 8))

    def clear(self) -> None:
        """Nothing to see."""
        self._frame = None
        self.scatter.clear()
        self.picture.clear()
        self.picture.hide()
        self.legend.set_entries([])
        self.words.setText(
            self.tr("Click a point to see its picture. Drag and wheel move the view.")
        )
        self.stamp.setText("")
        self.plot.label_axes("", "")
        text = self.tr("Select a layer: where it puts the test samples appears here.")
        if self.method.currentIndex() == TSNE:
            text = self.tr("Press the button: where t-SNE puts the test samples appears here.")
        self.plot.show_empty(text)

    def forget(self) -> None:
        """Another graph was opened: none of its nodes is chosen yet."""
        self._node = ""
        self.clear()
        self.look()

    # -- t-SNE --------------------------------------------------------------------------------

    def _on_method(self) -> None:
        if self._busy:
            self._make_or_cancel()
        self._set_busy(False)
        self.clear()
        self.look()

    def _make_or_cancel(self) -> None:
        self._set_busy(not self._busy)
        self._engine.ask(TsneRequest(self._node, run=self._busy))

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        chosen = self.method.currentIndex() == TSNE
        self.make.setVisible(chosen)
        self.make.setText(self.tr("Cancel") if busy else self.tr("Make t-SNE"))
        self.progress.setVisible(chosen and busy)
        self.progress.setValue(0)

    def _on_tsne(self, frame: TsneFrame) -> None:
        if not self._busy or self.method.currentIndex() != TSNE:
            return
        self.progress.setValue(round(100 * frame.progress))
        if frame.problem:
            self._set_busy(False)
            self.clear()
            self.plot.show_empty(frame.problem)
        elif frame.embedding is not None:
            self._set_busy(False)
            self._on_frame(frame.embedding)
            self.plot.fit()

    # -- what is shown ------------------------------------------------------------------------

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""
        if len(names) == 1 and self._document.prefix + names[0] != self._node:
            self._node = self._document.prefix + names[0]
            self.look()

    def looks_at(self) -> EmbeddingRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        return EmbeddingRequest(self._node, visible=self.method.currentIndex() == LIVE)

    def _on_live(self, frame: EmbeddingFrame) -> None:
        if self.method.currentIndex() == LIVE:
            self._on_frame(frame)

    def _on_frame(self, frame: EmbeddingFrame) -> None:
        if frame.points is None:
            self.clear()
            self.plot.show_empty(frame.problem)
            return
        self._frame = frame
        self._draw()

    def _draw(self) -> None:
        frame = self._frame
        if frame is None or frame.points is None or frame.labels is None:
            return
        points, labels = unpack(frame.points), unpack(frame.labels)
        series = palette.current().series
        shown = sorted(set(labels.tolist()))
        self._colors = [
            (series[c % len(series)], SYMBOLS[c // len(series) % len(SYMBOLS)]) for c in shown
        ]
        kinds = dict(zip(shown, self._colors, strict=True))
        brushes = {c: pg.mkBrush(color) for c, (color, _) in kinds.items()}
        self.scatter.setData(
            pos=points, data=np.arange(len(points)), brush=[brushes[c] for c in labels.tolist()],
            symbol=[kinds[c][1][0] for c in labels.tolist()],
        )  # fmt: skip
        self.plot.show_empty("")
        self.legend.set_entries(
            [(self._name(c) + kinds[c][1][1], pg.mkColor(kinds[c][0]), "") for c in shown if c >= 0]
        )
        self._describe(frame)

    def _describe(self, frame: EmbeddingFrame) -> None:
        """Name the axes, and say what is shown."""
        if self.method.currentIndex() == TSNE:
            self.plot.label_axes("", "")
            self.stamp.setText(
                self.tr("{0}: t-SNE of {1:,} test samples at step {2:,}. Neighbours are alike; "
                        "distances between groups say little.").format(
                    frame.node, len(self.scatter.data), frame.step)
            )  # fmt: skip
            return
        first, second = frame.shares
        self.plot.label_axes(
            self.tr("component 1 ({0:.0%})").format(first),
            self.tr("component 2 ({0:.0%})").format(second),
        )
        self.stamp.setText(
            self.tr("{0}: {1:,} numbers per sample. The plane holds {2:.0%} of their variance "
                    "at step {3:,}.").format(frame.node, frame.size, first + second, frame.step)
        )  # fmt: skip

    def _name(self, label: int) -> str:
        assert self._frame is not None
        names = self._frame.classes
        return names[label] if label < len(names) else str(label)

    def _on_clicked(self, points: Any) -> None:
        if len(points):
            self.choose(int(points[0].data()))

    def choose(self, sample: int) -> None:
        """Show one sample: its picture, what it is, and what the net takes it for."""
        frame = self._frame
        if frame is None or frame.labels is None or frame.answers is None:
            return
        label, answer = int(unpack(frame.labels)[sample]), int(unpack(frame.answers)[sample])
        text = self.tr("Test sample {0}").format(sample)
        if label >= 0:
            text += self.tr(": a {0}, predicted as {1}").format(
                self._name(label), self._name(answer)
            )
        self.words.setText(text)
        if frame.images is not None:
            self.picture.setPixmap(picture_of(unpack(frame.images)[sample], PICTURE))
            self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self.picture.show()
