"""A map of the plane says what its axes and colours are, in the data's own numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF
from PySide6.QtGui import QFontMetricsF, QImage
from PySide6.QtWidgets import QApplication

from app.plots.area import PlotArea
from app.plots.decision_map import DecisionMap
from app.plots.map_axes import MapAxes
from app.plots.scatter import ScatterPlot
from app.style import fonts, painting
from app.widgets.numbers import plain_number


def test_ticks_are_round_numbers_of_the_data() -> None:
    axes = MapAxes()
    axes.shift, axes.scale = np.array([100.0, 0.0]), np.array([50.0, 1.0])
    assert axes.ticks(0, np.array([-2, -1]), np.array([2, 1]), 4) == [50, 100, 150]
    assert axes.ticks(1, np.array([-2, -1]), np.array([2, 1]), 4) == [-0.5, 0, 0.5]
    assert axes.ticks(0, np.zeros(2), np.zeros(2), 4) == []


@pytest.mark.parametrize(("width", "last"), [(150, 300_000.0), (150, 0.001), (700, 300_000.0)])
def test_labels_of_a_small_plot_do_not_run_together(qtbot, themed, width, last) -> None:
    plot = PlotArea("small")
    qtbot.addWidget(plot)
    plot.resize(width, 150)
    plot.show()
    plot.show_area(QRectF(0, 0, last, 1))
    QApplication.processEvents()
    axis = plot.getAxis("bottom")
    with painting.on(QImage(10, 10, QImage.Format.Format_ARGB32_Premultiplied)) as painter:
        painter.setFont(fonts.figure_font(8.0))
        drawn = axis.generateDrawSpecs(painter)[2]
    boxes = sorted((rect for rect, _flags, _text in drawn), key=lambda r: r.left())
    assert boxes
    assert all(a.right() + 2 < b.left() for a, b in itertools.pairwise(boxes))
    map_axes = MapAxes()
    map_axes.scale = np.array([last, 1.0])
    found = map_axes.apart(0, np.zeros(2), np.ones(2), width)
    metrics = QFontMetricsF(fonts.figure_font(8.0))
    assert sum(metrics.horizontalAdvance(plain_number(v)) for v in found) < width


@pytest.fixture
def prices(qtbot, themed):
    """A map of normalised prices over area and rooms."""
    view = DecisionMap("nothing")
    qtbot.addWidget(view)
    view.resize(420, 400)
    ramp = np.tile(np.linspace(-2, 2, 20, dtype=np.float32), (20, 1))[None]
    view.set_axes(("area", "rooms"), np.array([100.0, 3.0]), np.array([50.0, 1.0]), "price (€)",
                  (200_000.0, 80_000.0))  # fmt: skip
    view.set_map(ramp, (-2, -2), (2, 2), ())
    view.set_points(np.array([[-2, -2], [2, 2]], np.float32), np.array([-2.0, 2.0]), 0)
    view.show()
    return view


def test_a_map_of_numbers_spans_the_targets(qtbot, prices) -> None:
    assert prices.limits() == (-2.0, 2.0)
    assert [name for name, _ in prices.axes.entries] == ["price (€)  40,000", "360,000"]
    image = prices.grab().toImage()
    area = prices.area()
    row = int(area.center().y())
    colors = {image.pixelColor(int(area.left() + f * area.width()), row).name()
              for f in (0.05, 0.3, 0.5, 0.7, 0.95)}  # fmt: skip
    assert len(colors) == 5


def test_the_pointer_reads_own_numbers(qtbot, prices) -> None:
    qtbot.mouseMove(prices, QPoint(5, 5))
    qtbot.mouseMove(prices, prices.area().center().toPoint())
    text = prices.readout.text()
    assert "area 100" in text or "area 99" in text
    assert "price (€)" in text


def test_classes_have_a_legend_and_small_maps_no_axes(qtbot, prices) -> None:
    prices.set_map(np.full((2, 4, 4), 0.5, np.float32), (-2, -2), (2, 2), ("fails", "passes"))
    prices.set_points(np.zeros((1, 2), np.float32), np.zeros(1), 0)
    assert [name for name, _ in prices.axes.entries] == ["fails", "passes"]
    assert prices.axes.area(420, 400).top() > prices.axes.area(180, 180).top()


def test_a_scatter_plot_shows_dots_rings_and_a_line(qtbot, themed) -> None:
    plot = ScatterPlot("Curve", "nothing yet")
    qtbot.addWidget(plot)
    plot.resize(300, 200)
    assert plot.plot.empty_text == "nothing yet"
    plot.label("hours", "points")
    plot.set_data(np.array([[0, 1], [1, 2]]), np.array([[2, 3]]), np.array([[0, 1], [2, np.nan]]))
    assert plot.plot.empty_text == ""
    assert (len(plot.points), len(plot.rings)) == (2, 1)
    plot.grab()
    plot.clear()
    assert plot.plot.empty_text == "nothing yet"
