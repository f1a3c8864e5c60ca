"""The window of a convolution or pooling: point at an output pixel to see what it is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.panels.sliding_window.field import Area, receptive_field
from app.panels.sliding_window.pixel import Window
from app.plots.cells import Cell
from app.plots.tile_view import TileView
from app.widgets.numbers import format_number
from app.widgets.rich_label import RichLabel
from graphcore.graph.elements import Node
from graphcore.records.arrays import unpack
from graphcore.views.stepper import NumbersFrame, NumbersRequest, WalkFrame

Place = tuple[int, int, int]
LOW, LEAST_BESIDE, LEAST_TERMS = 400, 130, 84
"""Pixels of height of a panel in which input and output stand beside each other, of these, and
of the numbers below."""


class WindowPanel(Panel):
    """Input maps above, output maps below, the numbers of one window between them.

    Pointing shows, a click keeps: an output pixel with what it came from, or an input pixel with
    the outputs that it feeds. A second click, or one at another pixel, lets go.
    """

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._node: Node | None = None
        self._prefix = ""
        self._arrays: dict[str, np.ndarray] = {}
        self._kept: dict[TileView, Place | None] = {}
        self.inputs, self.outputs = TileView(self.tr("Input")), TileView(self.tr("Output"))
        self.field, self.field_said = TileView(self.tr("Receptive field")), QLabel()
        self.field_said.setWordWrap(True)
        self.numbers = {
            key: TileView(name)
            for key, name in (("patch", self.tr("Window")), ("kernel", self.tr("Kernel")),
                              ("product", self.tr("Product")))
        }  # fmt: skip
        self.said, self.sum, self.fed = RichLabel(), QLabel(), QLabel()
        for label, lines in ((self.said, 3), (self.sum, 3), (self.fed, 2)):
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setFixedHeight(lines * label.fontMetrics().lineSpacing() + 2)
        self._lay_out()
        for view in (self.outputs, self.inputs):
            view.cell_pointed.connect(lambda _cell: self._show_numbers())
            view.cell_chosen.connect(lambda row, column, v=view: self._keep(v, (row, column)))
        engine.on(NumbersFrame, self._on_numbers)
        engine.on(WalkFrame, lambda _frame: self._ask())
        engine.sample_chosen.connect(lambda _sample: self._ask())
        engine.loaded.connect(lambda _loaded: self._begin_again())
        self.clear()

    def _lay_out(self) -> None:
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 8, 12, 8)
        self._terms = QWidget()
        row = QHBoxLayout(self._terms)
        row.setContentsMargins(0, 0, 0, 0)
        self.signs = []
        for i, view in enumerate(self.numbers.values()):
            if i:
                self.signs.append(QLabel())
                self.signs[-1].setFixedWidth(12)
                row.addWidget(self.signs[-1])
            row.addWidget(view, 1)
        self._low: bool | None = None
        for column in (0, 1):
            self._grid.setColumnStretch(column, 1)
        self._arrange(low=False)

    def _arrange(self, *, low: bool) -> None:
        """What comes in above what goes out; beside each other where there is little height."""
        if low == self._low:
            return
        self._low = low
        below = (self._terms, self.sum, self.fed)
        parts = (self.said, self.inputs, *below, *(() if low else (self.outputs,)),
                 self.field_said, self.field)  # fmt: skip
        stretches = {self.inputs: 3, self._terms: 2, self.outputs: 3, self.field: 3}
        self._grid.setRowStretch(len(parts), 0)  # of a part more, in the other arrangement
        for row, part in enumerate(parts):
            beside = low and part is self.inputs
            self._grid.addWidget(part, row, 0, 1, 1 if beside else 2)
            if beside:
                self._grid.addWidget(self.outputs, row, 1)
            self._grid.setRowStretch(row, stretches.get(part, 0))
        for view in (self.inputs, self.outputs):
            view.setMinimumHeight(LEAST_BESIDE if low else 0)
        self._terms.setMinimumHeight(LEAST_TERMS if low else 0)

    def set_room(self, room: QSize) -> None:
        """Told how much can be seen without scrolling."""
        super().set_room(room)
        self._arrange(low=room.height() < LOW)

    def clear(self) -> None:
        """The net is no more; the node may go on in one that is only run."""
        self._arrays = {}
        self._show()

    def forget(self) -> None:
        """Another graph was opened."""
        self.show_selection(())

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        super().set_seen(seen)
        self._ask()

    def show_selection(self, names: Sequence[str]) -> None:
        """Show the window of the selected node."""
        graph, self._prefix = self._document.graph, self._document.prefix
        node = graph.node(names[0]) if len(names) == 1 and names[0] in graph else None
        self._node = node if node is not None and node.op.window else None
        self._arrays, self._kept = {}, {}
        self._ask()
        self._show()

    def _begin_again(self) -> None:
        """The net was loaded anew, perhaps with another kernel: show the same node's window."""
        if self._node is not None:
            self.show_selection([self._node.name])

    # -- the engine ---------------------------------------------------------------------------

    def _names(self) -> dict[str, str]:
        """The node's input, the node and its parameters: as the engine calls them -> here."""
        if self._node is None or self._node.name not in self._document.graph:
            return {}
        edge = self._document.graph.edge_into(self._node, "x")
        path = self._prefix + self._node.name
        names = {self._prefix + edge.source: "x"} if edge else {}
        for p in self._node.parameter_inputs:
            given = self._document.graph.edge_into(self._node, p)  # a kernel that was typed
            names[self._prefix + given.source if given else f"{path}.{p}"] = p
        seen = self._seen_of_input((0, 0))
        if seen is not None:
            names.setdefault(seen[0], "input")
        return {**names, path: "y"}

    def _seen_of_input(self, pixel: tuple[int, int]) -> tuple[str, Area] | None:
        """The input and its pixels that an output pixel depends on, by way of other layers."""
        if self._node is None or self._prefix:
            return None
        graph = self._document.graph
        direct, found = graph.edge_into(self._node, "x"), None
        if self._node.name in graph:
            found = receptive_field(graph, self._node.name, *pixel)
        return None if direct is None or found is None or direct.source == found[0] else found

    def _ask(self) -> None:
        """Have everything sent that the window is made of, while it is looked at."""
        if self._seen:
            for name in self._names():
                self._engine.ask(NumbersRequest(name, self._engine.chosen_sample))

    def _on_numbers(self, frame: NumbersFrame) -> None:
        key = self._names().get(frame.name)
        if key is None or not self._seen:
            return
        self._arrays.pop(key, None)
        if "value" in frame.tensors:
            self._arrays[key] = unpack(frame.tensors["value"])
        self._show()

    def _maps(self, key: str) -> np.ndarray | None:
        """The feature maps that come in, "x", or go out, "y"; None while they are not there."""
        array = self._arrays.get(key)
        if array is not None and array.ndim == 4:  # without an axis of samples that is known
            array = array[0]
        return array if array is not None and array.ndim == 3 else None

    def _window(self) -> Window | None:
        maps = self._maps("x")
        return None if maps is None or self._node is None else Window.of(self._node, len(maps))

    # -- showing ------------------------------------------------------------------------------

    def _show(self) -> None:
        window, images, results = self._window(), self._maps("x"), self._maps("y")
        there = window is not None and results is not None
        for view in (self.inputs, self.outputs):
            view.setVisible(there)
        behind = self._maps("input") if there else None
        for widget in (self.field, self.field_said):
            widget.setVisible(behind is not None)
        if behind is not None:
            self.field.set_maps(behind)
        if window is not None and images is not None and results is not None:
            self.inputs.set_maps(images, border=window.padding)
            self.outputs.set_maps(results)
            self._describe(window)
        else:
            self.said.show_markup(self.tr("Select a convolution or pooling of images; its window "
                                      "slides here over the sample of the stepper."))  # fmt: skip
        self._show_numbers()

    def _describe(self, window: Window) -> None:
        assert self._node is not None
        sizes = ("×".join(map(str, pair)) for pair in (window.size, window.stride, window.padding))
        self.said.show_markup(
            self.tr("<b>{0}</b>: window {1}, stride {2}, padding {3}. "
                    "Point at a pixel; click to keep it."),
            self._node.name, *sizes,
        )  # fmt: skip

    def _keep(self, view: TileView, cell: Cell) -> None:
        place = view.place_of(cell)
        self._kept = {view: None if place == self._kept.get(view) else place}
        self._show_numbers()

    def _place(self, view: TileView) -> Place | None:
        """The pixel that is pointed at in a view, else the one that was kept there."""
        pointed = view.place_of(view.marked) if view.marked is not None else None
        return pointed or self._kept.get(view)

    def _show_numbers(self) -> None:
        """The window under the chosen output pixel; or the outputs that an input pixel feeds."""
        window, node = self._window(), self._node
        images, results = self._maps("x"), self._maps("y")
        self._show_tiles({})
        self.sum.setText("")
        self._show_fed(window, images)
        place = self._place(self.outputs)
        self._show_field(place)
        if window is None or node is None or images is None or results is None or place is None:
            self.inputs.frame(None)
            return
        self.inputs.frame(window.seen_by(*place[1:]))
        if node.op.window == "sum":
            self._show_convolution(window, images, place)
        else:
            self._show_pooling(window, images[place[0]], results, place)

    def _show_field(self, place: Place | None) -> None:
        """What the chosen output pixel sees of the net's input."""
        seen = self._seen_of_input((0, 0) if place is None else place[1:])
        if seen is None:
            return
        name, area = seen
        self.field.frame(None if place is None else area)
        self.field_said.setText(
            self.tr("Receptive field of a pixel on {0}: {1} × {2}").format(
                name, area[2] - area[0], area[3] - area[1]
            )
        )

    def _show_fed(self, window: Window | None, images: np.ndarray | None) -> None:
        """Which output pixels an input pixel feeds."""
        place = self._place(self.inputs)
        if place is None or window is None or images is None:
            self.outputs.frame(None)
            self.fed.setText("")
            return
        area = window.fed_by(place[1], place[2], self.outputs.map_shape())
        self.outputs.frame(area)
        feeds = max(0, area[2] - area[0]) * max(0, area[3] - area[1])
        value = format_number(float(images[place]))
        self.fed.setText(
            self.tr("x[{0}, {1}, {2}] = {3} feeds {4} pixels of an output map").format(
                *place, value, feeds
            )
        )

    def _show_pooling(
        self, window: Window, image: np.ndarray, results: np.ndarray, place: Place
    ) -> None:
        assert self._node is not None
        value = format_number(float(results[place]))
        if self._node.op.window != "largest":
            patch = window.patch(image, *place[1:])
            self._show_tiles({"patch": patch})
            self.sum.setText(
                self.tr("mean: {0} / {1} = {2}").format(
                    format_number(float(patch.sum())), patch.size, value
                )
            )
            return
        patch = window.patch(image, *place[1:], outside=np.nan)
        self._show_tiles({"patch": patch})
        known = np.where(np.isnan(patch), -np.inf, patch)
        row, column = np.unravel_index(int(known.argmax()), patch.shape)
        self.sum.setText(
            self.tr("largest: {0}, at row {1}, column {2} of the window").format(
                value, int(row), int(column)
            )
        )

    def _show_convolution(self, window: Window, images: np.ndarray, place: Place) -> None:
        channel, row, column = place
        weight = self._arrays.get("weight")
        if weight is None or channel >= len(weight):
            return
        read = window.maps_read_by(channel, len(weight), len(images))
        patches = np.stack([window.patch(images[i], row, column) for i in read])
        products = patches * weight[channel]
        shown = int(np.abs(products).sum((1, 2)).argmax())
        self._show_tiles({"patch": patches[shown], "kernel": weight[channel, shown],
                          "product": products[shown]})  # fmt: skip
        bias = self._arrays.get("bias")
        start = float(bias[channel]) if bias is not None else 0.0
        part = format_number(float(products[shown].sum()))
        others = (
            self.tr(" (input map {0}, shown: {1})").format(read[shown], part)
            if len(products) > 1
            else ""
        )
        total = format_number(float(products.sum()) + start)
        self.sum.setText(
            self.tr("Σ window × kernel = {0}{1}, + bias {2} = {3}").format(
                format_number(float(products.sum())), others, format_number(start), total
            )
        )

    def _show_tiles(self, shown: dict[str, np.ndarray]) -> None:
        """The numbers of a window; without them their place stays, so that no pixel moves."""
        there = self._window() is not None and self._node is not None
        multiplied = there and self._node is not None and self._node.op.window == "sum"
        for label, sign in zip(self.signs, "×=", strict=True):
            label.setText(sign if shown else "")
            label.setVisible(multiplied)
        for key, view in self.numbers.items():
            view.setVisible(there if key == "patch" else multiplied)
            if key in shown:
                view.set_maps(shown[key][None])
            else:
                view.clear()
