"""The plane as a net of two inputs divides it, and as each of its units does."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.document import Document
from app.engine import Engine
from app.plots.decision_map import DecisionMap
from app.plots.tile_view import TileView
from graphcore.worker.arrays import unpack
from graphcore.worker.probe_messages import DecisionFrame


class DecisionPanel(QWidget):
    """Asks for the map while it can be seen; the engine sends it anew as the net learns."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._frame: DecisionFrame | None = None
        self._empty = self.tr("As soon as a net of two inputs is there, its plane appears here.")
        self.map = DecisionMap(self._empty)
        self.units = TileView(self.tr("Units"))
        self.layer = QComboBox()
        self.layer.setAccessibleName(self.tr("Layer"))
        self.layer.setToolTip(self.tr("Whose units are shown, each over the whole plane"))
        self.layer.currentTextChanged.connect(lambda _name: self._show_units())
        self.stamp = QLabel()
        self.stamp.setObjectName("muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 8)
        row.addWidget(self.map, 1)
        column = QVBoxLayout()
        column.addWidget(self.layer)
        column.addWidget(self.units, 1)
        column.addWidget(self.stamp)
        row.addLayout(column, 1)
        engine.decision.connect(self._on_frame)
        document.opened.connect(self.clear)
        self.clear()

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
