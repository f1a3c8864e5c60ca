"""The window of a convolution: every output pixel is the sum that is shown for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PySide6.QtWidgets import QApplication

from app.sliding_window import Window
from graphcore.elements import Node
from graphcore.ops import get

PATIENCE = 60_000
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


def test_lenets_first_convolution_is_taken_apart(qtbot, live_window) -> None:
    live_window.start("lenet5")
    live_window.layouts.show("Explain")
    panel = live_window.show_panel("window").fill()
    walk = live_window.show_panel("walk").fill().walk
    QApplication.processEvents()
    qtbot.waitUntil(lambda: walk.frame is not None, timeout=PATIENCE)
    live_window.canvas.select(["conv1"])
    qtbot.waitUntil(lambda: len(panel._weights) == 2, timeout=PATIENCE)
    panel.outputs.mark((12, 14))
    place = panel.outputs.place_of((12, 14))
    value = panel._maps("conv1")[place]
    assert float(panel.sum.text().rpartition("= ")[2].replace("−", "-")) == pytest.approx(
        float(value), rel=1e-3
    )
    assert panel.inputs._framed == (place[1] - 2, place[2] - 2, place[1] + 3, place[2] + 3)
    assert panel.numbers["product"].map_shape() == (5, 5)
    panel.inputs.mark((10, 10))
    assert panel.outputs._framed == (8, 8, 13, 13)
    live_window.canvas.select(["pool1"])
    panel.outputs.mark((3, 3))
    assert "largest" in panel.sum.text()
    assert panel.numbers["patch"]._maps.max() == pytest.approx(
        float(panel._maps("pool1")[panel.outputs.place_of((3, 3))])
    )
