"""Histograms, landscape and surface: what they hold, say and refuse."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QPainter, QPicture

from app.plots.contour import ContourPlot, interpolated
from app.plots.histogram import Ridge
from app.plots.landscape_view import LandscapeView
from app.plots.slice_curve import SliceCurve
from app.plots.surface import SurfacePlot
from app.style import palette


def shown(qtbot, widget, width=320, height=240):
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    return widget


def bowl(n=21):
    a = np.linspace(-1, 1, n)
    x, y = np.meshgrid(a, a)
    return a, a, 0.1 + x * x + y * y


# -- histograms -----------------------------------------------------------------------------------


def test_edges_that_do_not_fit_are_refused(qtbot):
    plot = shown(qtbot, Ridge("weights"))
    with pytest.raises(ValueError, match="3 bins have 4 edges, not 3"):
        plot.append(0, np.zeros(3), np.zeros(3))


def test_a_ridge_keeps_the_whole_run_and_its_newest_step(qtbot):
    plot = shown(qtbot, Ridge("weights"))
    for step in range(1000):
        plot.append(step, np.ones(4), np.linspace(-1, 1, 5))
        assert plot.steps[-1] == step
    assert plot.steps[0] == 0
    assert Ridge.MOST / 2 <= len(plot.steps) <= Ridge.MOST
    gaps = np.diff(plot.steps[:-1])
    assert (gaps == gaps[0]).all()
    plot.grab()


def test_a_ridge_of_equal_values_is_drawn(qtbot):
    plot = shown(qtbot, Ridge("weights", empty="None yet."))
    empty = plot.grab().toImage()
    plot.append(0, np.zeros(3), np.zeros(4))
    assert plot.grab().toImage() != empty


# -- landscape ------------------------------------------------------------------------------------


@pytest.fixture
def contour(qtbot):
    made = shown(qtbot, ContourPlot(), 400, 320)
    made.set_surface(*bowl())
    return made


def test_the_loss_under_the_pointer_is_read(contour, qapp):
    qapp.processEvents()
    contour.plot.pointed.emit(0.5, 0.0)
    assert contour.plot.readout.text() == "loss about 0.35\nat 0.5, 0"
    assert contour.value_at(3.0, 0.0) is None
    a, b, values = bowl()
    between = contour.value_at((a[0] + a[1]) / 2, (b[2] + b[3]) / 2)
    assert between == pytest.approx(values[2:4, :2].mean()), "not that of the nearest grid point"


def test_lines_of_a_flat_surface_are_told_apart(contour, qapp):
    a, b, values = bowl()
    contour.set_surface(a, b, 2.3 + 1e-3 * values)
    qapp.processEvents()
    texts = [label.toPlainText() for label in contour._labels if label.isVisible()]
    assert len(texts) > 2
    assert len(set(texts)) == len(texts)


def test_dragging_says_where_the_dot_is_and_moving_it_does_not(contour, qtbot):
    moves = []
    contour.dot_dragged.connect(lambda a, b: moves.append((a, b)))
    contour.set_current(0.2, 0.3)
    assert moves == []
    contour.dot.setPos(QPointF(0.5, -0.25))
    assert moves == [(0.5, -0.25)]
    with qtbot.waitSignal(contour.dot_released) as released:
        contour.dot.sigPositionChangeFinished.emit(contour.dot)
    assert released.args == [0.5, -0.25]


@pytest.mark.parametrize("back", ["button", "double-click"])
def test_a_view_that_was_moved_stays_until_one_asks_for_all_of_it(contour, qtbot, back):
    plot, pane = contour.plot, contour.plot.viewport()
    home = plot.viewRect()
    assert plot.fit_button.isHidden()
    place = QPoint(pane.width() // 2, pane.height() // 3)
    drag(qtbot, pane, place, place + QPoint(40, 30))
    moved = plot.viewRect()
    assert moved != home
    assert not plot.fit_button.isHidden()
    a, b, values = bowl()
    contour.set_surface(a, b, values + 1)
    assert plot.viewRect() == moved, "a newer surface of the same area leaves it"
    if back == "button":
        qtbot.mouseClick(plot.fit_button, Qt.MouseButton.LeftButton)
    else:
        qtbot.mouseDClick(pane, Qt.MouseButton.LeftButton, pos=place)
    assert plot.viewRect() == home
    assert plot.fit_button.isHidden()
    drag(qtbot, pane, place, place + QPoint(40, 30))
    contour.set_surface(2 * a, 2 * b, values)
    assert plot.viewRect().width() == pytest.approx(2 * home.width()), "another area is shown whole"
    drag(qtbot, pane, place, place + QPoint(40, 30))
    contour.clear()
    contour.set_surface(2 * a, 2 * b, values)
    assert plot.viewRect().width() == pytest.approx(2 * home.width()), "so is another net's"


def drag(qtbot, pane, start, end):
    qtbot.mousePress(pane, Qt.MouseButton.LeftButton, pos=start)
    for share in (0.2, 0.6, 1.0):
        qtbot.mouseMove(pane, start + (end - start) * share)
        qtbot.wait(20)
    qtbot.mouseRelease(pane, Qt.MouseButton.LeftButton, pos=end)


def test_the_range_is_that_of_what_is_shown(qtbot):
    view = shown(qtbot, LandscapeView())
    assert view.value_range() == ""
    a, b, values = bowl()
    view.set_surface(a, b, values)
    assert view.value_range() == "0.1 … 2.1"
    view.set_surface(a, b[10:11], values[10:11])
    assert view.value_range() == "0.1 … 1.1", "of the slice"
    view.set_surface(a, b, np.full_like(values, np.nan))
    assert view.value_range() == ""


def test_lines_are_labelled_with_round_losses(contour):
    labels = [i.toPlainText() for i in contour._labels if i.isVisible()]
    assert len(labels) >= 3
    assert all(len(text.lstrip("0.")) <= 3 for text in labels), labels
    ends = np.stack(contour._lines.getData(), 1)
    radii = np.hypot(ends[:, 0], ends[:, 1])
    assert len(np.unique((0.1 + radii**2).round(1))) <= 14


def test_a_stale_surface_is_hatched(contour):
    contour.set_stamp("step 3", False)
    assert not contour._veil.isVisible()
    contour.set_stamp("step 3", True)
    assert contour._veil.isVisible()
    assert contour.stamp.text() == "step 3"


def test_clearing_leaves_a_sentence(contour):
    contour.set_path(np.zeros((3, 2)))
    contour.clear()
    assert not contour.has_surface
    assert contour.plot.empty_text == "The loss around the weights appears here."
    contour.set_log(False)


def test_a_loss_of_zero_leaves_the_scale_logarithmic(contour, qapp):
    a = np.linspace(-1, 1, 9)
    bowl = 10.0 ** (4 * np.hypot(*np.meshgrid(a, a))) - 1
    assert bowl.min() == 0
    contour.set_surface(a, a, bowl)
    assert contour._in_log
    shown = contour.image.image
    assert np.isfinite(shown).all()
    assert np.ptp(shown) > 2  # decades
    curve = SliceCurve()
    curve.set_curve(a, bowl[4])
    assert curve._in_log
    assert np.isfinite(curve._height(0.0))
    contour.set_surface(a, a, bowl - 1.0)
    assert not contour._in_log, "losses below zero have no logarithm"


def test_a_dot_beside_the_surface_is_seen(contour, qapp):
    a = np.linspace(-1, 1, 9)
    contour.set_surface(a, a, np.hypot(*np.meshgrid(a, a)) + 1)
    contour.set_current(1.7, 0.0)
    (low, high), _ = contour.plot.getPlotItem().vb.viewRange()
    assert high > 1.7
    assert low == pytest.approx(-1)
    contour.set_current(0.2, 0.0)
    (low, high), _ = contour.plot.getPlotItem().vb.viewRange()
    assert (low, high) == pytest.approx((-1, 1))


@pytest.mark.parametrize("log", [True, False])
def test_odd_surfaces_are_drawn(contour, qapp, log):
    a, b, values = bowl()
    holes = values.copy()
    holes[3:6, 4] = np.nan
    holes[9, 9] = np.inf
    contour.set_log(log)
    for odd in (holes, values * 0, values - 1, values * 1e30, np.full_like(values, np.nan)):
        contour.set_surface(a, b, odd)
        qapp.processEvents()
        assert contour.has_surface


def test_interpolation_keeps_the_grid_points_and_the_holes():
    grid = bowl(5)[2]
    assert np.allclose(interpolated(grid, 9)[::2, ::2], grid)
    grid[2, 2] = np.nan
    fine = interpolated(grid, 9)
    assert np.isnan(fine[4, 4])
    assert np.isnan(fine).sum() == 9
    assert np.allclose(fine[::2, ::2][~np.isnan(grid)], grid[~np.isnan(grid)])


def test_the_landscape_follows_the_theme(contour, qapp):
    palette.apply(qapp, "light")
    assert contour.plot.backgroundBrush().color().name() == palette.LIGHT.panel
    palette.apply(qapp, "dark")


def test_without_opengl_a_sentence_says_so(qtbot, qapp):
    plot = shown(qtbot, SurfacePlot())
    if plot.can_draw:
        pytest.skip("this display has OpenGL")
    plot.set_surface(*bowl())
    plot.set_path(np.zeros((3, 2)))
    plot.set_current(0.0, 0.0)
    assert "no OpenGL" in plot.note.text()
    assert plot.view is None


def labels_of(qapp, plot, side="left"):
    """Return the labels of an axis with their places."""
    qapp.processEvents()
    axis, picture = plot.plot.getAxis(side), QPicture()
    with QPainter(picture) as painter:
        painter.setFont(axis.style["tickFont"])
        return axis.generateDrawSpecs(painter)[2]


@pytest.mark.parametrize(("low", "high"), [(0.535, 0.5756), (0.2, 1.9), (3e-7, 4e-7), (1e-6, 10.0)])
def test_a_logarithmic_axis_has_numbers_however_little_it_spans(qtbot, qapp, low, high):
    curve = shown(qtbot, SliceCurve(), 300, 200)
    curve.set_log(True)
    curve.set_curve(np.linspace(-1, 1, 9), np.geomspace(low, high, 9))
    found = labels_of(qapp, curve)
    assert len({text for *_, text in found}) == len(found) >= 2
    for box, _, text in found:
        assert float(text.replace("−", "-")) > 0
        others = [other for other, *_ in found if other is not box]
        assert not any(box.intersects(other) for other in others)


def test_an_emptied_plot_has_no_names_at_its_axes(qtbot, contour):
    contour.set_surface(*bowl())
    contour.set_labels("PC1", "PC2")
    label = contour.plot.getAxis("left").label
    assert label.isVisible()
    contour.clear()
    contour.plot.restyle()
    assert not label.isVisible()
    contour.set_surface(*bowl())
    assert label.isVisible()


@pytest.mark.parametrize(
    ("values", "spacing", "wanted"),
    [
        ([-807964.0, -807963.5], 0.5, ["−807,964.0", "−807,963.5"]),
        ([-2000.0, 0.0], 1000.0, ["−2,000", "0"]),
        ([-0.5, 0.5], 0.5, ["−0.5", "0.5"]),
        ([], 0.5, []),
    ],
)
def test_ticks_have_thousands_apart_and_a_minus(qtbot, values, spacing, wanted):
    plot = shown(qtbot, ContourPlot())
    axis = plot.plot.getAxis("left")
    axis.setLogMode(False)
    assert axis.tickStrings(values, 1.0, spacing) == wanted
