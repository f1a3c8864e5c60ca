"""The plane as a net of two inputs divides it, and as each of its units does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.document import Document
from app.engine import Engine
from app.plots.decision_map import class_color
from app.plots.point_map import PointMap
from app.plots.tile_view import TileView
from app.point_edits import PointEdits
from graphcore.worker.arrays import unpack
from graphcore.worker.probe_messages import DecisionFrame


class DecisionPanel(QWidget):
    """Asks for the map while it can be seen; the engine sends it anew as the net learns."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self._frame: DecisionFrame | None = None
        self._empty = self.tr("As soon as a net of two inputs is there, its plane appears here.")
        self.map = PointMap(self._empty)
        self.map.painted.connect(self._on_painted)
        self.map.moved.connect(self._on_moved)
        self.map.removed.connect(self._on_removed)
        self.units = TileView(self.tr("Units"))
        self.layer = QComboBox()
        self.layer.setAccessibleName(self.tr("Layer"))
        self.layer.setToolTip(self.tr("Whose units are shown, each over the whole plane"))
        self.layer.currentTextChanged.connect(lambda _name: self._show_units())
        self.stamp = QLabel()
        self.stamp.setObjectName("muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 8)
        left = QVBoxLayout()
        left.addLayout(self._make_tools())
        left.addWidget(self.map, 1)
        row.addLayout(left, 1)
        column = QVBoxLayout()
        column.addWidget(self.layer)
        column.addWidget(self.units, 1)
        column.addWidget(self.stamp)
        row.addLayout(column, 1)
        engine.decision.connect(self._on_frame)
        document.opened.connect(self.clear)
        self.clear()

    def _make_tools(self) -> QHBoxLayout:
        """The switch that lets the mouse change samples, and the class that it paints."""
        row = QHBoxLayout()
        self.edit = QCheckBox(self.tr("Edit points"))
        self.edit.setToolTip(
            self.tr("Click or drag on the map to paint points, drag a point to move it, click it "
                    "with the right button to remove it. Each can be undone.")
        )  # fmt: skip
        self.edit.toggled.connect(self._on_edit)
        self.brush = QComboBox()
        self.brush.setAccessibleName(self.tr("Class that is painted"))
        self.brush.setToolTip(self.tr("Class of the points that are painted"))
        self.brush.currentIndexChanged.connect(lambda _i: self._choose_brush())
        self.brush.hide()
        self.refused = QLabel()
        self.refused.setObjectName("muted")
        self.refused.setWordWrap(True)
        row.addWidget(self.edit)
        row.addWidget(self.brush)
        row.addWidget(self.refused, 1)
        return row

    def clear(self) -> None:
        """Another graph."""
        self._frame = None
        self.map.set_empty(self._empty)
        self._show_layers(())
        self.stamp.setText("")

    def show_selection(self, names: Sequence[str]) -> None:
        """Show the units of the node that is selected on the canvas."""
        if len(names) == 1 and self.layer.findText(names[0]) >= 0:
            self.layer.setCurrentText(names[0])

    def _on_frame(self, frame: DecisionFrame) -> None:
        self._frame = frame
        self._show_tools()
        if frame.problem or frame.shares is None or frame.points is None or frame.labels is None:
            self.map.set_empty(frame.problem)
            self._show_layers(())
            self.stamp.setText("")
            return
        self.map.set_map(unpack(frame.shares), frame.low, frame.high, frame.classes)
        self.map.set_points(unpack(frame.points), unpack(frame.labels), frame.tests)
        self.map.set_generated(None if frame.generated is None else unpack(frame.generated))
        self._show_layers(tuple(frame.neurons))
        self._show_units()
        said = self.tr("Step {0:,} · dots are training samples, rings test samples")
        if frame.generated is not None:
            said = self.tr("Step {0:,} · dots and rings are samples, crosses made by the net")
        self.stamp.setText(said.format(frame.step))

    # -- samples changed by hand --------------------------------------------------------------

    def _on_edit(self, _on: bool) -> None:
        self._show_tools()

    def _show_tools(self) -> None:
        """Only samples that are all there and have classes are changed."""
        frame, wanted = self._frame, self.edit.isChecked()
        there = frame is not None and not frame.problem
        self.edit.setEnabled(there)
        refusal = PointEdits.refusal(frame) if frame is not None and there and wanted else ""
        self.refused.setText(refusal)
        usable = there and wanted and not refusal
        self.map.set_editing(usable)
        self.brush.setVisible(usable)
        names = frame.classes if frame is not None else ()
        if names != tuple(self.brush.itemText(i) for i in range(self.brush.count())):
            self.brush.clear()
            for i, name in enumerate(names):
                self.brush.addItem(_dot(i), name)
            self._choose_brush()

    def _choose_brush(self) -> None:
        self.map.brush = float(max(0, self.brush.currentIndex()))

    def _edits(self) -> PointEdits:
        assert self._frame is not None
        return PointEdits(self._document, self._frame)

    def _on_painted(self, places: np.ndarray) -> None:
        if len(places):
            self._edits().paint(places, self.brush.currentIndex())

    def _on_moved(self, number: int, place: np.ndarray) -> None:
        self._edits().move(number, place)

    def _on_removed(self, number: int) -> None:
        self._edits().remove(number)

    # -- units --------------------------------------------------------------------------------

    def _show_layers(self, names: tuple[str, ...]) -> None:
        if names != tuple(self.layer.itemText(i) for i in range(self.layer.count())):
            kept = self.layer.currentText()
            self.layer.blockSignals(True)
            self.layer.clear()
            self.layer.addItems(names)
            self.layer.setCurrentText(kept)
            self.layer.blockSignals(False)
        for widget in (self.layer, self.units):
            widget.setVisible(bool(names))

    def _show_units(self) -> None:
        maps = self._frame.neurons.get(self.layer.currentText()) if self._frame else None
        if maps is not None:
            self.units.set_maps(unpack(maps)[:, ::-1])

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        self._engine.watch_decision(seen)


def _dot(i: int) -> QIcon:
    """The colour of a class."""
    picture = QPixmap(12, 12)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(class_color(i))
    painter.drawEllipse(1, 1, 10, 10)
    painter.end()
    return QIcon(picture)
