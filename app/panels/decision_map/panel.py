"""The plane as a net of two inputs divides it, and as each of its units does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.decision_map.point_edits import PointEdits
from app.panels.panel import Panel
from app.plots.decision_map import DecisionMap, class_color
from app.plots.tile_view import TileView
from app.plots.unit_net import UnitNet
from app.plots.warped_grid import WarpedGrid
from app.style import painting
from app.widgets.layouts import in_column, in_row
from app.widgets.note import Note
from graphcore.records.arrays import pack, unpack
from graphcore.records.pictures import Picture
from graphcore.views.decision_map import DecisionFrame, DecisionRequest

UNITS, NET, WARPED = range(3)
LEAST_MAP, LEAST_PAGE = 240, 160
"""Pixels of height of the map and of its layers where they stand below each other."""


class DecisionPanel(Panel):
    """Asks for the map while it can be seen; the engine sends a new one as the net learns.

    Signals:
        pictures: node name -> what its units say over the plane, for the canvas.
    """

    unfolded = 440

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._frame: DecisionFrame | None = None
        self._empty = self.tr("The decision map appears here as soon as the net has two inputs.")
        self.map = DecisionMap(self._empty)
        self.map.painted.connect(self._on_painted)
        self.map.moved.connect(self._on_moved)
        self.map.removed.connect(self._on_removed)
        self._make_views()
        self.layer = QComboBox()
        self.layer.setAccessibleName(self.tr("Layer"))
        self.layer.setToolTip(self.tr("The layer whose units are shown, each over the whole plane"))
        self.layer.currentTextChanged.connect(lambda _name: self._on_view())
        self.stamp = Note(lines=2)
        row = QHBoxLayout(self)
        self.folds = [row]
        row.setContentsMargins(8, 4, 8, 8)
        left = in_column(self._make_tools(), (self.map, 1))
        row.addLayout(left, 1)
        row.addLayout(in_column(in_row(self.view, (self.layer, 1)), (self.pages, 1), self.stamp), 1)
        engine.on(DecisionFrame, self.show_reply)
        self.clear()

    def set_room(self, room: QSize) -> None:
        """The map above its layers in a narrow panel, each as large as it has to be."""
        super().set_room(room)
        for part, least in ((self.map, LEAST_MAP), (self.pages, LEAST_PAGE)):
            part.setMinimumHeight(least if room.width() < self.unfolded else 0)

    def _make_views(self) -> None:
        """What is shown of the layers: their units, the whole net, or the plane as one bends it."""
        self.units = TileView(self.tr("Units"))
        self.net = UnitNet(self.tr("The units of the net appear here as soon as it has layers."))
        self.warped = WarpedGrid("")
        self.view = QComboBox()
        self.view.addItems([self.tr("Units"), self.tr("Net"), self.tr("Warped grid")])
        self.view.setAccessibleName(self.tr("What is shown of the layers"))
        self.view.setToolTip(
            self.tr("The units of a layer; all units with the weights between them; or the plane "
                    "of the inputs as a layer bends it")
        )  # fmt: skip
        self.pages = QStackedWidget()
        for widget in (self.units, self.net, self.warped):
            self.pages.addWidget(widget)
        self.view.currentIndexChanged.connect(self.pages.setCurrentIndex)
        self.view.currentIndexChanged.connect(lambda _i: self._leave_lines())
        self.view.currentIndexChanged.connect(lambda _i: self._on_view())

    def _make_tools(self) -> QHBoxLayout:
        """The switch that lets the mouse change samples, and the class that it paints."""
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
        return in_row(self.edit, self.brush, (self.refused, 1))

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

    def show_reply(self, frame: DecisionFrame) -> None:
        """Show the map at a step."""
        self._frame = frame
        self._show_tools()
        if frame.problem or frame.shares is None or frame.points is None or frame.labels is None:
            self.map.set_empty(frame.problem)
            self._show_layers(())
            self.stamp.setText("")
            return
        self.map.set_axes(
            frame.columns, np.array(frame.shift), np.array(frame.scale), frame.target,
            frame.answer_scale,
        )  # fmt: skip
        self.map.set_map(unpack(frame.shares), frame.low, frame.high, frame.classes)
        self.map.set_points(unpack(frame.points), unpack(frame.labels), frame.tests)
        self.map.set_generated(None if frame.generated is None else unpack(frame.generated))
        self._show_layers(tuple(frame.neurons))
        self._show_units()
        self._cover_canvas()
        said = self.tr("Step {0:,} · dots are training samples, rings test samples")
        if frame.generated is not None:
            said = self.tr("Step {0:,} · dots and rings are samples, crosses made by the net")
        self.stamp.setText(said.format(frame.step))

    # -- samples changed by hand --------------------------------------------------------------

    def _on_edit(self, _on: bool) -> None:
        self._show_tools()
        if self.map.editing:
            self._document.message.emit(
                self.tr("Click or drag to paint points; drag a point to move it; the right button "
                        "removes it.")
            )  # fmt: skip

    def _show_tools(self) -> None:
        """Only samples that are all there and have classes are changed."""
        frame, wanted = self._frame, self.edit.isChecked()
        there = frame is not None and not frame.problem
        self.edit.setEnabled(there)
        refusal = PointEdits.refusal(frame) if frame is not None and there and wanted else ""
        usable = there and wanted and not refusal
        self.refused.setText(refusal)
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
            self._leave_lines()
            if self.view.currentIndex() == WARPED:
                self.look()
        for widget in (self.view, self.layer, self.pages):
            widget.setVisible(bool(names))
        if not names:
            self._engine.shown.cover(frozenset())

    def _on_view(self) -> None:
        self.layer.setEnabled(self.view.currentIndex() != NET)
        self.look()
        self._show_units()

    def _leave_lines(self) -> None:
        """Warped: the last layer of two units or more, where the chosen one would be a line."""
        if self.view.currentIndex() != WARPED:
            return
        neurons = self._frame.neurons if self._frame is not None else {}
        wide = [name for name, maps in neurons.items() if maps.shape[0] > 1]
        if wide and self.layer.currentText() not in wide:
            blocker = QSignalBlocker(self.layer)
            self.layer.setCurrentText(wide[-1])
            blocker.unblock()

    def _show_units(self) -> None:
        frame = self._frame
        if frame is None or not frame.neurons:
            return
        if self.view.currentIndex() == NET:
            self._show_net(frame)
        elif self.view.currentIndex() == WARPED:
            self._show_warp(frame)
        elif (maps := frame.neurons.get(self.layer.currentText())) is not None:
            self.units.set_maps(unpack(maps)[:, ::-1])

    def _show_net(self, frame: DecisionFrame) -> None:
        """Every layer as a column, the two inputs first."""
        columns = [(name, unpack(maps)[:, ::-1]) for name, maps in frame.neurons.items()]
        links = [(link.source, link.target, unpack(link.weights)) for link in frame.links]
        order = [target for _, target, _ in links]
        columns.sort(key=lambda c: order.index(c[0]) if c[0] in order else len(order))
        inputs = {source for source, _, _ in links} - {name for name, _ in columns}
        ramp = np.linspace(-1, 1, 24)
        plane = np.stack([np.tile(ramp, (24, 1)), np.tile(-ramp[:, None], (1, 24))])
        self.net.set_net([*((name, plane) for name in inputs), *columns], links)

    def _show_warp(self, frame: DecisionFrame) -> None:
        warp = frame.warp
        if warp is None or warp.node != self.layer.currentText() or frame.labels is None:
            self.warped.clear(self.tr("The layer's plane appears here at once."))
            return
        labels = unpack(frame.labels)
        self.warped.set_grid(unpack(warp.grid), unpack(warp.points), labels)
        text = self.tr("The inputs' plane as the {0} units of {1} see it").format(
            warp.units, warp.node
        )
        if warp.units > 2:
            text += self.tr(": two principal components, {0:.0%} of it").format(warp.share)
        self.warped.setToolTip(text)

    def _cover_canvas(self) -> None:
        """Every node of the canvas shows what its units say over the plane."""
        frame = self._frame
        if frame is None or not self._seen:
            return
        self._engine.shown.cover(frozenset(frame.neurons))
        self.pictures.emit({name: _picture(unpack(m)) for name, m in frame.neurons.items()})

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        if not seen:
            self._engine.shown.cover(frozenset())
        super().set_seen(seen)

    def looks_at(self) -> DecisionRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        warped = self.layer.currentText() if self.view.currentIndex() == WARPED else ""
        return DecisionRequest(warped)


def _picture(maps: np.ndarray) -> Picture:
    """Maps of units (units, R, R), rows from below, as a node shows them."""
    low, high = float(maps.min()), float(maps.max())
    turned = np.ascontiguousarray(maps[:, ::-1])
    shape = f"({len(maps)}, {maps.shape[1]}, {maps.shape[2]})"
    return Picture("tiles", pack(turned), low, high, shape)


def _dot(i: int) -> QIcon:
    """The colour of a class."""
    picture = QPixmap(12, 12)
    picture.fill(Qt.GlobalColor.transparent)
    with painting.on(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(class_color(i))
        painter.drawEllipse(1, 1, 10, 10)
    return QIcon(picture)
