"""The dialog that finds a learning rate: the loss while the rate rises."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QProgressBar,
    QPushButton,
    QWidget,
)

from app.engine.engine import Engine
from app.plots.area import PlotArea
from app.style import palette
from app.widgets.layouts import in_column
from app.widgets.numbers import format_number
from app.widgets.scroller import resize_within
from graphcore.records.arrays import unpack
from graphcore.views.rate_test import RateTestFrame, RateTestRequest


class RateFinder(QDialog):
    """Trains a copy of the net for a hundred steps at rising rates; a click chooses one.

    Attributes:
        rate: the rate that was chosen; None until then.
    """

    def __init__(self, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Find a learning rate"))
        resize_within(self, 560, 400)
        self.rate: float | None = None
        self._engine = engine
        self._points = np.zeros((2, 0))
        self.plot = PlotArea(self.tr("Loss over learning rate"))
        self.plot.setLogMode(x=True)
        self.plot.setLabel("bottom", self.tr("learning rate"))
        self.plot.setLabel("left", self.tr("loss"))
        self._curve = self.plot.plot(pen=pg.mkPen(palette.current().series[0], width=2))
        self._mark = pg.InfiniteLine(angle=90, pen=pg.mkPen(palette.current().color("muted")))
        self._mark.hide()
        self.plot.addItem(self._mark, ignoreBounds=True)
        self.plot.setCursor(Qt.CursorShape.PointingHandCursor)
        self.plot.scene().sigMouseClicked.connect(self._on_clicked)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.said = QLabel(self.tr("A copy of the net trains while the rate rises …"))
        self.said.setWordWrap(True)
        in_column((self.plot, 1), self.progress, self.said, self._buttons(), on=self)
        engine.on(RateTestFrame, self._on_frame)
        engine.ask(RateTestRequest())

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.use = QPushButton(self.tr("Use this rate"))
        self.use.setEnabled(False)
        buttons.addButton(self.use, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons

    def done(self, result: int) -> None:
        """Closing ends the test, and without acceptance no rate is chosen."""
        self._engine.ask(RateTestRequest(run=False))
        if result != QDialog.DialogCode.Accepted:
            self.rate = None
        super().done(result)

    def _on_frame(self, frame: RateTestFrame) -> None:
        if frame.problem or frame.rates is None or frame.losses is None:
            self.progress.setValue(100)
            self.said.setText(frame.problem)
            return
        self._points = np.stack([unpack(frame.rates), unpack(frame.losses)])
        self._curve.setData(*self._points)
        self.progress.setValue(round(frame.done * 100))
        if frame.done < 1:
            return
        if frame.suggestion is None:
            self.said.setText(
                self.tr("The loss did not clearly fall at any rate, so none is suggested. "
                        "Click one to use it.")
            )  # fmt: skip
        else:
            self.choose(frame.suggestion)
            self.said.setText(
                self.tr("Suggested: {0}, a tenth of the rate at which the loss was smallest. "
                        "Click the plot for another.").format(format_number(frame.suggestion))
            )  # fmt: skip

    def _on_clicked(self, event: object) -> None:
        if self._points.shape[1]:
            place = self.plot.getViewBox().mapSceneToView(event.scenePos())  # type: ignore[attr-defined]
            self.choose(float(f"{10 ** place.x():.1e}"))
            self.said.setText(self.tr("Chosen: {0}.").format(format_number(self.rate or 0)))

    def choose(self, rate: float) -> None:
        """Mark a rate as the one that will be used."""
        self.rate = rate
        self._mark.setPos(np.log10(rate))
        self._mark.show()
        self.use.setEnabled(True)
