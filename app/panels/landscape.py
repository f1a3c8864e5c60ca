"""The loss landscape around the weights, refreshed while the net trains."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.engine import Engine
from app.plots.contour import ContourPlot
from graphcore.worker import messages as m
from graphcore.worker.arrays import unpack
from graphcore.worker.landscape_messages import LandscapeFrame, LandscapeRequest

PLANES = ("random", "pca")


class LandscapePanel(QWidget):
    """Asks for a surface while it can be seen, and for none while it cannot."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._frame: LandscapeFrame | None = None
        self._step = 0
        self._refresh = 0
        self._seen = False
        self._seed = 0
        self.contour = ContourPlot()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 8)
        column.setSpacing(4)
        column.addLayout(self._make_controls())
        column.addWidget(self.contour, 1)
        engine.landscape.connect(self._on_landscape)
        engine.frame.connect(self._on_frame)
        engine.reset_done.connect(self.clear)
        document.opened.connect(self.clear)
        self.contour.dot_dragged.connect(engine.set_weights_on_plane)
        self.contour.dot_released.connect(lambda a, b: engine.set_weights_on_plane(a, b, True))

    def _make_controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        self.plane = QComboBox()
        self.plane.addItems([self.tr("Random, filter-normalised"), self.tr("PCA of the path")])
        self.plane.setAccessibleName(self.tr("Plane"))
        self.plane.setToolTip(self.tr("Which plane through the space of all weights is shown"))
        self.span = QDoubleSpinBox()
        self.span.setRange(0.05, 5.0)
        self.span.setSingleStep(0.25)
        self.span.setValue(1.0)
        self.span.setPrefix("± ")
        self.span.setAccessibleName(self.tr("Span"))
        self.span.setToolTip(
            self.tr("How far the plane reaches; 1 is as far as the weights are long")
        )
        self.log = QCheckBox(self.tr("log"))
        self.log.setChecked(True)
        self.log.setToolTip(self.tr("Colours and lines by the logarithm of the loss"))
        self.again = QPushButton(self.tr("New directions"))
        self.scale = QLabel()
        self.scale.setObjectName("muted")
        for widget in (self.plane, self.span, self.log, self.again):
            row.addWidget(widget)
        row.addWidget(self.scale, 1)
        self.plane.currentIndexChanged.connect(lambda _i: self._ask())
        self.span.valueChanged.connect(lambda _v: self._ask())
        self.log.toggled.connect(self._on_log)
        self.again.clicked.connect(self._new_directions)
        return row

    def clear(self) -> None:
        """Nothing to see until the net is there."""
        self._frame = None
        self.contour.clear()
        self.contour.set_stamp(
            self.tr("Press Play: the surface around the weights appears here."), False
        )
        self.scale.setText("")

    def _ask(self) -> None:
        self.span.setEnabled(self.plane.currentIndex() == 0)
        self.again.setEnabled(self.plane.currentIndex() == 0)
        self._engine.request_landscape(
            LandscapeRequest(
                visible=self._seen, plane=PLANES[self.plane.currentIndex()],  # type: ignore[arg-type]
                span=self.span.value(), seed=self._seed, refresh=self._refresh,
            )
        )  # fmt: skip

    def _new_directions(self) -> None:
        self._seed += 1
        self._ask()

    def _on_log(self, on: bool) -> None:
        self.contour.set_log(on)

    def _on_landscape(self, frame: LandscapeFrame) -> None:
        self._frame = frame
        self.contour.set_surface(unpack(frame.a), unpack(frame.b), unpack(frame.values))
        self.contour.set_labels(*frame.labels)
        self.contour.set_path(unpack(frame.path))
        self.contour.set_current(*frame.current)
        self.scale.setText(self.contour.value_range())
        self._show_stamp()

    def _on_frame(self, frame: m.Frame) -> None:
        if frame.step != self._step:
            self._step = frame.step
            self._show_stamp()

    def _show_stamp(self) -> None:
        f = self._frame
        if f is None:
            return
        behind = self._step - f.step
        text = self.tr(
            "Step {0:,} · {1} samples of {2}, evaluation mode · level {3} of {4}"
        ).format(f.step, f.samples, f.split, f.level, f.levels)
        if f.shares is not None:
            total = sum(f.shares)
            text += self.tr(" · plane holds {0:.0%} of the path's variance").format(total)
        elif f.off_plane > 0.005:
            text += self.tr(" · weights are {0:.0%} of their length off the plane").format(
                f.off_plane
            )
        stale = behind > 0
        if stale:
            text += self.tr(" · STALE by {0:,} steps").format(behind)
        self.contour.set_stamp(text, behind > 200)

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        self._seen = seen
        self._ask()
