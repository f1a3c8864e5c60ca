"""The window of a convolution or pooling: point at an output pixel to see what it is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.document import Document
from app.engine import Engine
from app.plots.cells import Cell
from app.plots.tile_view import TileView
from app.plots.tiles import format_number
from app.sliding_window import OPERATORS, Window
from graphcore.elements import Node
from graphcore.worker.arrays import unpack
from graphcore.worker.walk_messages import WalkFrame
from graphcore.worker.weight_messages import TensorFrame

Place = tuple[int, int, int]


class WindowPanel(QWidget):
    """Input maps above, output maps below, the numbers of one window between them."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self._frame: WalkFrame | None = None
        self._node: Node | None = None
        self._weights: dict[str, np.ndarray] = {}
        self._place: Place | None = None
        self.inputs, self.outputs = TileView(self.tr("Input")), TileView(self.tr("Output"))
        self.numbers = {
            key: TileView(name)
            for key, name in (("patch", self.tr("Window")), ("kernel", self.tr("Kernel")),
                              ("product", self.tr("Product")))
        }  # fmt: skip
        self.said, self.sum = QLabel(), QLabel()
        for label in (self.said, self.sum):
            label.setWordWrap(True)
        self._lay_out()
        self.outputs.cell_pointed.connect(self._on_output)
        self.inputs.cell_pointed.connect(self._on_input)
        engine.walk.connect(self._on_walk)
        engine.tensor.connect(self._on_tensor)
        document.opened.connect(self.clear)
        self.clear()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.addWidget(self.said)
        column.addWidget(self.inputs, 3)
        row = QHBoxLayout()
        self.signs = []
        for view, sign in zip(self.numbers.values(), ("×", "=", ""), strict=True):
            row.addWidget(view, 1)
            self.signs.append(QLabel(sign))
            row.addWidget(self.signs[-1])
        column.addLayout(row, 2)
        column.addWidget(self.sum)
        column.addWidget(self.outputs, 3)

    def clear(self) -> None:
        """Another graph."""
        self._frame = None
        self.show_selection(())

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""
        graph = self._document.graph
        node = graph.node(names[0]) if len(names) == 1 and names[0] in graph else None
        fits = node is not None and node.operator in OPERATORS and not self._document.prefix
        self._node, self._place, self._weights = node if fits else None, None, {}
        if self._node is not None and self._node.operator == "Conv2d":
            for which in self._node.parameter_inputs:
                self._engine.ask_tensor(f"{self._node.name}.{which}")
        self._show()

    def _on_walk(self, frame: WalkFrame) -> None:
        self._frame = frame
        if self._node is not None and self._node.operator == "Conv2d":
            for which in self._node.parameter_inputs:
                self._engine.ask_tensor(f"{self._node.name}.{which}")
        self._show()

    def _on_tensor(self, frame: TensorFrame) -> None:
        node, _, which = frame.name.rpartition(".")
        if self._node is not None and node == self._node.name and frame.values is not None:
            self._weights[which] = unpack(frame.values)
            self._show_numbers()

    # -- showing ------------------------------------------------------------------------------

    def _maps(self, name: str) -> np.ndarray | None:
        """The feature maps of a node; None while they are not there."""
        picture = self._frame.values.get(name) if self._frame else None
        array = None if picture is None else unpack(picture.array)
        return array if array is not None and array.ndim == 3 else None

    def _source(self) -> str:
        assert self._node is not None
        edge = self._document.graph.edge_into(self._node, "x")
        return edge.source if edge else ""

    def _show(self) -> None:
        maps: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
        if self._node is not None:
            maps = (self._maps(self._source()), self._maps(self._node.name))
        there = maps[0] is not None and maps[1] is not None
        for view, shown in zip((self.inputs, self.outputs), maps, strict=True):
            view.setVisible(there)
            if there and shown is not None:
                view.set_maps(shown)
        self._show_tiles({})
        self.sum.setText("")
        if there and self._node is not None:
            self.said.setText(self.tr("<b>{0}</b>: point at a pixel.").format(self._node.name))
            self._show_numbers()
        else:
            self.said.setText(self.tr("Select a convolution or pooling of images; its window "
                                      "slides here over the sample of the stepper."))  # fmt: skip

    def _on_output(self, cell: Cell | None) -> None:
        self._place = self.outputs.place_of(cell) if cell is not None else None
        self._show_numbers()

    def _on_input(self, cell: Cell | None) -> None:
        """Which output pixels an input pixel feeds."""
        place = self.inputs.place_of(cell) if cell is not None else None
        window = self._window()
        if place is None or window is None:
            self.outputs.frame(None)
            return
        shape = self.outputs.map_shape()
        self.outputs.frame(window.fed_by(place[1], place[2], shape))

    def _window(self) -> Window | None:
        maps = self._maps(self._source()) if self._node is not None else None
        return None if maps is None or self._node is None else Window.of(self._node, len(maps))

    def _show_numbers(self) -> None:
        """The window under the pointed output pixel, and how its value comes about."""
        window, node, place = self._window(), self._node, self._place
        if window is None or node is None or place is None:
            self.inputs.frame(None)
            return
        images, results = self._maps(self._source()), self._maps(node.name)
        if images is None or results is None:
            return
        channel, row, column = place
        self.inputs.frame(window.seen_by(row, column))
        if node.operator == "Conv2d":
            self._show_convolution(window, images, results, place)
            return
        patch = window.patch(images[channel], row, column)
        self._show_tiles({"patch": patch})
        said = self.tr("largest: {0}") if node.operator == "MaxPool2d" else self.tr("mean: {0}")
        self.sum.setText(said.format(format_number(float(results[place]))))

    def _show_convolution(
        self, window: Window, images: np.ndarray, results: np.ndarray, place: Place
    ) -> None:
        channel, row, column = place
        weight = self._weights.get("weight")
        if weight is None or channel >= len(weight):
            return
        read = window.maps_read_by(channel, len(weight), len(images))
        patches = np.stack([window.patch(images[i], row, column) for i in read if i < len(images)])
        if len(patches) != weight.shape[1]:
            return  # more maps than pictures hold
        products = patches * weight[channel]
        shown = int(np.abs(products).sum((1, 2)).argmax())
        self._show_tiles({"patch": patches[shown], "kernel": weight[channel, shown],
                         "product": products[shown]})  # fmt: skip
        bias = self._weights.get("bias")
        start = float(bias[channel]) if bias is not None else 0.0
        part = format_number(float(products[shown].sum()))
        others = self.tr(" (this map {0})").format(part) if len(products) > 1 else ""
        total = format_number(float(products.sum()) + start)
        self.sum.setText(
            self.tr("Σ window × kernel = {0}{1}, + bias {2} = {3}").format(
                format_number(float(products.sum())), others, format_number(start), total
            )
        )

    def _show_tiles(self, shown: dict[str, np.ndarray]) -> None:
        for sign in self.signs:
            sign.setVisible(len(shown) > 1)
        for key, view in self.numbers.items():
            view.setVisible(key in shown)
            if key in shown:
                view.set_maps(shown[key][None])
