"""The window of a convolution: every output pixel is the sum that is shown for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

import graphcore as gc
from app.panels.sliding_window.field import receptive_field
from app.panels.sliding_window.pixel import Window
from app.style import palette
from app.widgets.numbers import format_number
from graphcore import presets
from graphcore.graph.elements import Node
from graphcore.ops import get
from graphcore.training.sample import Sample
from tests.app.driver import PATIENCE

CASES = [
    {"kernel_size": 3}, {"kernel_size": 3, "padding": 1}, {"kernel_size": 5, "stride": 2},
    {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)},
    {"kernel_size": 3, "dilation": 2, "padding": 2}, {"kernel_size": 3, "groups": 2},
]  # fmt: skip


def convolution(**attributes) -> Node:
    return Node("conv", "Conv2d", get("Conv2d").complete({"out_channels": 4, **attributes}))


@pytest.mark.parametrize("attributes", CASES)
def test_windows_times_kernel_is_the_convolution(attributes) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((1, 2, 9, 8), generator=generator)
    window = Window.of(convolution(**attributes), 2)
    w = torch.randn((4, 2 // window.groups, *window.size), generator=generator)
    y = torch.nn.functional.conv2d(
        x, w, None, window.stride, window.padding, window.dilation, window.groups
    )[0].numpy()
    images, kernels = x[0].numpy(), w.numpy()
    for channel, row, column in np.ndindex(*y.shape):
        read = window.maps_read_by(channel, 4, 2)
        found = sum(
            float((window.patch(images[m], row, column) * kernels[channel, i]).sum())
            for i, m in enumerate(read)
        )
        assert found == pytest.approx(float(y[channel, row, column]), abs=1e-4)


@pytest.mark.parametrize("attributes", CASES[:4])
def test_an_input_pixel_feeds_what_has_a_gradient_there(attributes) -> None:
    window = Window.of(convolution(**attributes), 1)
    weight = torch.ones((1, 1, *window.size))
    for row, column in ((0, 0), (4, 3), (8, 7)):
        x = torch.zeros((1, 1, 9, 8))
        x[0, 0, row, column] = 1
        y = torch.nn.functional.conv2d(x, weight, None, window.stride, window.padding)[0, 0]
        top, left, bottom, right = window.fed_by(row, column, tuple(y.shape))
        fed = torch.zeros_like(y)
        fed[top:bottom, left:right] = 1
        assert torch.equal(fed, (y > 0).float())


LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def sliding(qtbot, live_window):
    """LeNet-5 with stride and padding in its first layers, in the window of one of them."""
    live_window.start("lenet5")
    live_window.document.set_attributes("conv1", stride=2, padding=(2, 1))
    live_window.document.set_attributes("pool1", kernel_size=3, stride=2, padding=1)
    live_window.layouts.show("Explain")
    panel = live_window.show_panel("window").fill()
    live_window.show_panel("walk").fill()
    QApplication.processEvents()

    def look_at(node: str, shape: tuple[int, ...]):
        live_window.canvas.select([node])
        qtbot.waitUntil(lambda: panel._arrays.get("y", np.zeros(0)).shape == shape,
                        timeout=PATIENCE)  # fmt: skip
        qtbot.waitUntil(lambda: set(panel._names().values()) <= panel._arrays.keys(),
                        timeout=PATIENCE)  # fmt: skip
        settle(panel.inputs)
        return panel, panel._arrays

    return look_at


def settle(view) -> None:
    """Let the layout come to rest: a pixel is where it is going to be."""
    before = None
    while before != view.geometry():
        before = view.geometry()
        QApplication.processEvents()


def point_at(view, place: tuple[int, int, int]) -> QPoint:
    """Move the mouse to a pixel of a map."""
    QTest.mouseMove(view, QPoint(1, 1))
    settle(view)
    cell = next(c for c in np.ndindex(*view.grid_size()) if view.place_of(c) == place)
    at = view.cell_rect(cell).center().toPoint()
    QTest.mouseMove(view, at)
    assert view.place_of(view.marked) == place
    return at


def last_number(text: str) -> float:
    return float(text.rpartition("= ")[2].replace("−", "-"))


def test_a_convolution_is_taken_apart_under_the_pointer(qtbot, sliding) -> None:
    panel, arrays = sliding("conv1", (6, 14, 13))
    assert "window 5×5, stride 2×2, padding 2×1" in panel.said.text()
    y = torch.nn.functional.conv2d(
        torch.from_numpy(arrays["x"].copy())[None], torch.from_numpy(arrays["weight"].copy()),
        torch.from_numpy(arrays["bias"].copy()), 2, (2, 1),
    )[0].numpy()  # fmt: skip
    for place in ((3, 6, 7), (0, 0, 0), (5, 13, 12)):
        point_at(panel.outputs, place)
        channel, row, column = place
        assert last_number(panel.sum.text()) == pytest.approx(float(y[place]), rel=1e-3)
        top, left = 2 * row - 2, 2 * column - 1
        assert panel.inputs._framed == (top, left, top + 5, left + 5)
        patch, kernel, product = (panel.numbers[k]._maps[0] for k in
                                  ("patch", "kernel", "product"))  # fmt: skip
        padded = np.pad(arrays["x"][0], ((2, 2), (1, 1)))
        wanted = padded[2 * row : 2 * row + 5, 2 * column : 2 * column + 5]
        np.testing.assert_array_equal(patch, wanted)
        np.testing.assert_array_equal(kernel, arrays["weight"][channel, 0])
        np.testing.assert_array_equal(product, patch * kernel)
        total = float(product.sum() + arrays["bias"][channel])
        assert total == pytest.approx(float(y[place]), abs=1e-6)


def test_a_click_keeps_an_output_pixel_and_what_it_came_from(qtbot, sliding) -> None:
    panel, _ = sliding("conv1", (6, 14, 13))
    at = point_at(panel.outputs, (3, 6, 7))
    said = panel.sum.text()
    qtbot.mouseClick(panel.outputs, LEFT, pos=at)
    point_at(panel.outputs, (1, 2, 3))
    assert panel.sum.text() != said
    QApplication.sendEvent(panel.outputs, QEvent(QEvent.Type.Leave))
    assert panel.sum.text() == said
    assert panel.inputs._framed == (10, 13, 15, 18)
    qtbot.mouseClick(panel.outputs, LEFT, pos=point_at(panel.outputs, (3, 6, 7)))
    QApplication.sendEvent(panel.outputs, QEvent(QEvent.Type.Leave))
    assert panel.sum.text() == ""
    assert panel.inputs._framed is None


def test_a_click_keeps_an_input_pixel_and_what_it_feeds(qtbot, sliding) -> None:
    panel, arrays = sliding("conv1", (6, 14, 13))
    at = point_at(panel.inputs, (0, 10, 10))
    qtbot.mouseClick(panel.inputs, LEFT, pos=at)
    QApplication.sendEvent(panel.inputs, QEvent(QEvent.Type.Leave))
    top, left, bottom, right = panel.outputs._framed
    x = torch.zeros(1, 1, 28, 28)
    x[0, 0, 10, 10] = 1
    fed = torch.nn.functional.conv2d(x, torch.ones(1, 1, 5, 5), None, 2, (2, 1))[0, 0] > 0
    wanted = torch.zeros_like(fed)
    wanted[top:bottom, left:right] = True
    assert torch.equal(fed, wanted)
    said = f"x[0, 10, 10] = {format_number(float(arrays['x'][0, 10, 10]))} feeds "
    assert panel.fed.text() == f"{said}{int(fed.sum())} pixels of an output map"


def test_a_max_pooling_shows_its_largest_and_no_zeros_from_outside(qtbot, sliding) -> None:
    panel, arrays = sliding("pool1", (6, 7, 7))
    assert "window 3×3, stride 2×2, padding 1×1" in panel.said.text()
    x, y = arrays["x"], arrays["y"]
    wanted = torch.nn.functional.max_pool2d(torch.from_numpy(x.copy())[None], 3, 2, 1)[0].numpy()
    np.testing.assert_array_equal(y, wanted)
    for place in ((2, 3, 3), (0, 0, 0), (5, 6, 6)):
        channel, row, column = place
        point_at(panel.outputs, place)
        patch = panel.numbers["patch"]._maps[0]
        padded = np.pad(x[channel], 1, constant_values=np.nan)
        np.testing.assert_array_equal(
            patch, padded[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
        )
        assert float(np.nanmax(patch)) == float(y[place])
        assert panel.sum.text().startswith(f"largest: {format_number(float(y[place]))}, at row ")
        assert panel.inputs._framed == (2 * row - 1, 2 * column - 1, 2 * row + 2, 2 * column + 2)


def test_the_padding_is_painted_around_the_input(qtbot, sliding) -> None:
    panel, _ = sliding("conv1", (6, 14, 13))
    view = panel.inputs
    assert view.grid_size() == (32, 30)  # 28 × 28 with 2 rows and 1 column on either side
    assert view.place_of((1, 5)) is None
    assert view.place_of((2, 1)) == (0, 0, 0)
    picture = view.grab().toImage()
    border = view.cell_rect((0, 15)).center().toPoint()
    assert picture.pixelColor(border) == palette.current().color("panel")


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 2), (3, 3)])
def test_the_receptive_field_is_what_has_a_gradient(row: int, column: int) -> None:
    g = gc.Graph()
    g.add("Input", name="x", shape=(1, 24, 24))
    layers = (("Conv2d", {"out_channels": 2, "kernel_size": 5, "padding": 2}), ("Tanh", {}),
              ("AvgPool2d", {"kernel_size": 2}),
              ("Conv2d", {"out_channels": 2, "kernel_size": 3, "dilation": 2}), ("Sigmoid", {}),
              ("AvgPool2d", {"kernel_size": 2}))  # fmt: skip
    last = "x"
    for operator, attributes in layers:
        node = g.add(operator, **attributes)
        g.connect(last, node)
        last = node.name
    name, area = receptive_field(g, last, row, column)
    assert (name, area[2] - area[0]) == ("x", 16)
    plan = gc.compile(g, mode="inspect", dtype="float64")
    plan.forward({"x": np.random.default_rng(0).random((1, 1, 24, 24))})
    start = torch.zeros_like(plan.value(last))
    start[0, 0, row, column] = 1
    plan.backward(last, grad=start)
    there = np.argwhere(plan.grad("x")[0, 0].numpy() != 0)
    top, left, bottom, right = area
    inside = (max(0, top), max(0, left), min(24, bottom), min(24, right))
    assert (*there.min(0), *(there.max(0) + 1)) == inside


def test_behind_other_layers_the_receptive_field_is_framed_on_the_input(qtbot, sliding) -> None:
    panel, _ = sliding("pool2", (16, 1, 1))
    assert not panel.field.isHidden()
    point_at(panel.outputs, (3, 0, 0))
    field = receptive_field(panel._document.graph, "pool2", 0, 0)[1]
    assert panel.field._framed == field
    size = field[2] - field[0]
    assert panel.field_said.text().startswith(f"Receptive field of a pixel on x: {size} × ")
    live = presets.load("lenet5")
    _, area = receptive_field(live, "pool2", 2, 2)
    assert (area[2] - area[0], area[3] - area[1]) == (16, 16)
    assert receptive_field(live, "logits", 0, 0) is None


@pytest.mark.parametrize("batch", [True, False])
def test_the_window_slides_over_numbers_that_were_typed(qtbot, live_window, tmp_path, batch):
    g = gc.Graph()
    shape = (1, 5, 5) if batch else (1, 1, 5, 5)
    g.add("Input", name="x", shape=shape, batch=batch, value=list(range(25)))
    edge = [[1.0, 0, -1], [1, 0, -1], [1, 0, -1]]
    g.add("Constant", name="kernel", value=[[edge]])
    g.add("Conv2d", name="y", out_channels=1, kernel_size=3, bias=False)
    g.connect("x", "y", input="x")
    g.connect("kernel", "y", input="weight")
    gc.save(g, tmp_path / "typed.graph.json")
    live_window.start(str(tmp_path / "typed.graph.json"))
    live_window.layouts.show("Explain")
    panel = live_window.show_panel("window").fill()
    live_window.show_panel("walk").fill()
    QApplication.processEvents()
    live_window.canvas.select(["y"])
    qtbot.waitUntil(lambda: {"x", "y", "weight"} <= panel._arrays.keys(), timeout=PATIENCE)
    point_at(panel.outputs, (0, 1, 2))
    np.testing.assert_array_equal(panel.numbers["kernel"]._maps[0], edge)
    assert panel.numbers["patch"]._maps[0].tolist() == [[7, 8, 9], [12, 13, 14], [17, 18, 19]]
    assert last_number(panel.sum.text()) == -6
    live_window.document.set_attributes("x", value=[1.0] * 25)
    qtbot.waitUntil(lambda: not panel._arrays.get("y", np.ones(1)).any(), timeout=PATIENCE)


def test_another_kernel_is_shown_without_the_stepper(qtbot, sliding, live_window) -> None:
    panel, _ = sliding("conv1", (6, 14, 13))
    live_window.show_panel("saliency")
    QApplication.processEvents()
    live_window.document.set_attributes("conv1", stride=1, padding=0)
    qtbot.waitUntil(lambda: panel._arrays.get("y", np.zeros(0)).shape == (6, 24, 24),
                    timeout=PATIENCE)  # fmt: skip
    qtbot.waitUntil(lambda: "stride 1×1, padding 0×0" in panel.said.text(), timeout=PATIENCE)


def test_the_window_is_of_the_sample_that_was_chosen_also_without_the_stepper(
    qtbot, sliding, live_window
) -> None:
    panel, arrays = sliding("conv1", (6, 14, 13))
    live_window.show_panel("saliency")
    QApplication.processEvents()
    before = arrays["x"].copy()
    live_window.engine.choose_sample(Sample(7, "train"))
    qtbot.waitUntil(lambda: not np.array_equal(panel._arrays["x"], before), timeout=PATIENCE)
