"""A layer from the inside, live: activation and weights, and the gradients of both beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.engine import Engine
from app.plots.tile_view import TileView, as_maps
from app.plots.tiles import format_number
from graphcore.worker import messages as m
from graphcore.worker.arrays import unpack
from graphcore.worker.pictures import Picture

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
        self._captions: dict[str, tuple[QLabel, str]] = {}
        self._maps: dict[str, np.ndarray] = {}
        self.one_scale = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        head = QHBoxLayout()
        self.title = QLabel(f"<b>{node}</b>")
        self.unpin = QToolButton()
        self.unpin.setText("×")
        self.unpin.setAutoRaise(True)
        self.unpin.setToolTip(self.tr("Unpin {0}").format(node))
        self.unpin.setAccessibleName(self.unpin.toolTip())
        head.addWidget(self.title)
        head.addWidget(self.unpin)
        head.addStretch(1)
        column.addLayout(head)
        row = QHBoxLayout()
        for kind, name in zip(kinds, names, strict=True):
            part, caption = QVBoxLayout(), QLabel(name)
            caption.setObjectName("muted")
            caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            view = self.views[kind] = TileView(f"{node}: {name}", self.tr("nothing yet"))
            view.setMinimumHeight(110)
            self._captions[kind] = caption, name
            part.addWidget(caption)
            part.addWidget(view, 1)
            row.addLayout(part, 1)
        column.addLayout(row, 1)

    def show_frame(self, frame: m.Frame) -> None:
        """Show the pictures of a frame that has some of this node."""
        weights = next((k for k in frame.values if k.startswith(f"{self.node}.")), "")
        for kind, sent, key in (
            ("value", frame.values, self.node), ("gradient", frame.gradients, self.node),
            ("weights", frame.values, weights), ("weights_gradient", frame.gradients, weights),
        ):  # fmt: skip
            if key in sent:
                self._show(kind, sent[key])
        has_weights = bool(weights) or "weights" in self._maps
        for kind in ("weights", "weights_gradient"):
            self.views[kind].setVisible(has_weights)
            self._captions[kind][0].setVisible(has_weights)

    def _show(self, kind: str, picture: Picture) -> None:
        array = unpack(picture.array)
        maps = as_maps(array)
        caption, name = self._captions[kind]
        low, high = format_number(picture.low, 2), format_number(picture.high, 2)
        told = format_number(float(array), 6) if maps is None else f"{low} … {high}"
        caption.setText(f"{name}  {told}")
        caption.setToolTip(self.tr("{0}, shape {1}: {2}").format(name, picture.shape, told))
        self._maps[kind] = array.reshape(1, 1, 1) if maps is None else maps
        self.rescale()

    def rescale(self) -> None:
        """Colours for each on its own scale, or for all on one."""
        largest = max((np.nanmax(np.abs(a)) for a in self._maps.values()), default=0.0)
        for kind, maps in self._maps.items():
            self.views[kind].set_maps(maps, limit=float(largest) if self.one_scale else None)


class ActivationsPanel(QWidget):
    """The selected node, and those that are pinned; asks for their pictures while it is seen."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self._selected, self._seen = "", False
        self._pinned: list[str] = []
        self.rows: dict[str, LayerRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 8)
        column.addLayout(self._make_controls())
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
        document.opened.connect(self.clear)
        self._arrange()

    def _make_controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        self.pin = QPushButton(self.tr("Pin"))
        self.pin.setToolTip(self.tr("Keep this node here when another is selected"))
        self.pin.clicked.connect(self._pin)
        self.one_scale = QCheckBox(self.tr("one colour scale"))
        self.one_scale.setToolTip(
            self.tr("The same colour means the same number in all pictures of a node")
        )
        self.one_scale.toggled.connect(self._rescale)
        row.addWidget(self.pin)
        row.addWidget(self.one_scale)
        row.addStretch(1)
        return row

    def clear(self) -> None:
        """Another graph."""
        self._selected, self._pinned = "", []
        self._arrange()

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""
        if len(names) == 1:
            self._selected = self._document.prefix + names[0]
            self._arrange()

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        self._seen = seen
        self._tell()

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
        self._tell()

    def _new_row(self, node: str) -> LayerRow:
        row = self.rows[node] = LayerRow(node)
        row.one_scale = self.one_scale.isChecked()
        row.unpin.clicked.connect(lambda _on: self._unpin(node), Qt.ConnectionType.QueuedConnection)
        return row

    def _tell(self) -> None:
        self._engine.watch_closely(tuple(self.rows) if self._seen else ())

    def _rescale(self, on: bool) -> None:
        for row in self.rows.values():
            row.one_scale = on
            row.rescale()

    def _on_frame(self, frame: m.Frame) -> None:
        if self._seen and (frame.values or frame.gradients):
            for row in self.rows.values():
                row.show_frame(frame)
