"""Curves keep what they are given, in bounded memory, and say what they hold."""

from decimal import Decimal

import numpy as np
import pytest
from PySide6.QtGui import QFontMetricsF

from app.plots import series
from app.plots.curve import CurvePlot
from app.plots.series import Series
from app.style import fonts, palette


@pytest.fixture
def plot(qtbot):
    made = CurvePlot("Loss", {"train": "train", "test": "test"}, raw=("train",), empty="Nothing.")
    qtbot.addWidget(made)
    made.resize(400, 240)
    made.show()
    return made


def test_a_long_run_keeps_its_start_and_its_end():
    kept, n = Series(), 300_000
    x = np.arange(n, dtype=float)
    for part in np.array_split(x, 4321):
        kept.append(part, part)
    assert series.MOST / 2 < len(kept) <= series.MOST
    assert np.allclose(kept.x, kept.y)
    assert np.allclose(np.diff(kept.x), kept.stride)  # as fine at the start as at the end
    assert kept.x[0] < kept.stride
    assert n - kept.x[-1] < 2 * kept.stride
    assert kept.last == n - 1


def test_single_points_and_one_large_array_are_kept_alike(monkeypatch):
    monkeypatch.setattr(series, "MOST", 100)
    one, many = Series(), Series()
    values = np.random.default_rng(0).random(1234)
    one.append(np.arange(1234), values)
    for i, value in enumerate(values):
        many.append(np.array([i]), np.array([value]))
    assert one.stride == many.stride
    assert np.allclose(one.x, many.x)
    assert np.allclose(one.y, many.y)


def test_smoothing_is_the_bias_corrected_average():
    kept, values = Series(), np.random.default_rng(0).random(50)
    for places in np.array_split(np.arange(50), 7):  # gone through piece by piece
        kept.append(places, values[places])
        smoothed = kept.smoothed(0.9)
    held, wanted = 0.0, []
    for i, value in enumerate(values):
        held = 0.9 * held + 0.1 * value
        wanted.append(held / (1 - 0.9 ** (i + 1)))
    assert np.allclose(smoothed, wanted)
    assert np.allclose(kept.smoothed(0.5)[:1], values[:1])
    assert np.array_equal(kept.smoothed(0.0), values)


def test_smoothing_passes_over_what_is_not_finite():
    kept = Series()
    kept.append(np.arange(4), np.array([np.nan, 1.0, np.inf, 1.0]))
    assert np.isnan(kept.smoothed(0.9)[0])
    assert np.allclose(kept.smoothed(0.9)[1:], 1.0)


def test_the_legend_says_the_last_values(plot):
    plot.append("train", np.arange(3), np.array([3.0, 2.0, 1.0]))
    plot.append("test", np.arange(2), np.array([0.5, 0.25]))
    plot.smoothing = 0.0
    plot.redraw()
    assert [(n, v) for n, _, v in plot.legend.entries] == [("train", "1"), ("test", "0.25")]
    assert "test 0.25" in plot.legend.accessibleDescription()
    plot.append("more", np.arange(2), np.array([1.0, 7.0]))
    plot.redraw()
    assert plot.legend.entries[-1][0] == "more"


def test_empty_says_so_until_there_is_something(plot):
    assert plot.plot.empty_text == "Nothing."
    plot.append("train", np.array([0]), np.array([1.0]))
    plot.redraw()
    assert plot.plot.empty_text == ""
    plot.clear()
    assert plot.plot.empty_text == "Nothing."
    assert len(plot.points("train")[0]) == 0


def test_a_logarithmic_axis_leaves_out_what_has_no_logarithm(plot, qapp):
    plot.append("train", np.arange(4), np.array([1.0, 0.0, -1.0, 0.1]))
    plot.smoothing = 0.0
    plot.redraw()
    plot.set_log(True)
    qapp.processEvents()
    shown = plot._curves["train"].getData()[1]
    assert np.allclose(shown[np.isfinite(shown)], [0.0, -1.0])


def test_the_pointer_reads_the_nearest_step(plot, qapp):
    plot.append("train", np.arange(0, 100, 10), np.linspace(1, 0, 10))
    plot.append("test", np.array([0, 50]), np.array([2.0, 1.5]))
    plot.smoothing = 0.0
    plot.redraw()
    qapp.processEvents()
    plot.plot.pointed.emit(42.0, 1.0)
    assert plot.step_at() == 40
    assert plot.plot.readout.text() == "step 40\ntrain  0.5556\ntest  1.5 at 50"
    plot.plot.left.emit()
    assert plot.step_at() is None


def test_curves_follow_the_theme(plot, qapp):
    palette.apply(qapp, "light")
    assert plot._curves["train"].opts["pen"].color().name() == palette.LIGHT.series[0]
    palette.apply(qapp, "dark")
    assert plot._curves["train"].opts["pen"].color().name() == palette.DARK.series[0]


def test_the_legend_says_what_was_known_at_the_step_looked_at(qtbot):
    plot = CurvePlot(
        "Loss", {"train": "train", "test": "test"}, marks=("test",), gap=("train", "test")
    )
    qtbot.addWidget(plot)
    plot.append("train", np.arange(5), np.array([5.0, 4, 3, 2, 1]))
    plot.append("test", np.array([1, 3]), np.array([4.5, 2.25]))
    plot.redraw()

    def told():
        return [value for _name, _color, value in plot.legend.entries]

    assert told() == ["1", "2.25"], "the test is of an earlier step: there is no gap"
    plot.set_playhead(2.5)
    assert told() == ["2.5", "4.5"]  # the newest test of then, not the line to the next
    plot.set_playhead(3.0)
    assert told() == ["2", "2.25", "0.25"]
    plot.set_playhead(2.0, {"test": 4.0})
    assert told() == ["3", "4", "1"], "it was measured there"
    plot.set_playhead(0.0)
    assert told() == ["5", ""]
    plot.set_playhead(None, {"test": 1.5})
    assert told() == ["1", "1.5", "0.5"], "it was measured now"
    plot.set_playhead(None, {"test": 1.5, "train": None})
    assert told() == ["", "1.5"], "the weights were changed since the last batch"


def test_the_gap_is_the_difference_of_the_values_beside_it(qtbot):
    plot = CurvePlot(
        "Accuracy", {"train": "train", "test": "test"}, ("train",), ("test",),
        gap=("train", "test"),
    )  # fmt: skip
    qtbot.addWidget(plot)
    random = np.random.default_rng(0)
    plot.append("train", np.arange(0, 300, 3), random.random(100))
    plot.append("test", np.arange(0, 300, 50), random.random(6))
    plot.redraw()
    for playhead in (0.0, 50.0, 200.0):
        plot.set_playhead(playhead)
        train, test, gap = (
            Decimal(value.replace("−", "-")) for _name, _color, value in plot.legend.entries
        )
        assert gap == test - train


def test_the_gap_is_marked_only_where_both_curves_are(qtbot):
    plot = CurvePlot("Loss", {"train": "train", "test": "test"}, gap=("train", "test"))
    qtbot.addWidget(plot)

    plot.append("train", np.array([2, 6]), np.array([4.0, 2.0]))
    plot.append("test", np.array([0, 10]), np.array([5.0, 5.0]))
    plot.redraw()
    assert plot._between.isVisible()
    assert [side.getData()[0][[0, -1]].tolist() for side in plot._sides] == [[2, 6], [2, 6]]
    plot.clear()
    plot.append("train", np.array([0, 3]), np.array([4.0, 2.0]))
    plot.append("test", np.array([4, 6]), np.array([5.0, 5.0]))
    plot.redraw()
    assert not plot._between.isVisible()


def test_a_thinned_curve_goes_on_with_the_smoothing_that_it_had():
    """As where a run is gone to whose losses were sent as means of ten."""
    whole, kept = Series(), Series()
    values = np.random.default_rng(0).random(500)
    whole.append(np.arange(500), values)
    ends = np.arange(9, 500, 10)
    smooth = whole.smoothed(0.9)[ends].copy()
    kept.take(ends, values.reshape(-1, 10).mean(1), 10, smooth)
    assert np.array_equal(kept.smoothed(0.9), smooth)
    more = np.full(200, 0.5)
    whole.append(np.arange(500, 700), more)
    kept.append(np.arange(500, 700), more)
    assert kept.smoothed(0.9)[-1] == pytest.approx(whole.smoothed(0.9)[-1])
    assert kept.smoothed(0.5)[0] == kept.y[0]


def test_a_long_value_does_not_run_into_the_next_name(qtbot):
    plot = CurvePlot("Loss", {"train": "train", "test": "test"})
    qtbot.addWidget(plot)
    plot.resize(600, 200)
    plot.legend.resize(600, 40)
    plot.append("train", np.arange(2), np.array([1.0, 1.0]))
    plot.redraw()
    before = plot.legend._places[1]
    plot.append("train", np.array([2]), np.array([-0.00012345]))
    plot.redraw()
    wide = QFontMetricsF(fonts.figure_font(9, True)).horizontalAdvance(plot.legend.entries[0][2])
    name = QFontMetricsF(fonts.text_font(9)).horizontalAdvance("train")
    assert plot.legend._places[1][0] >= before[0]
    assert plot.legend._places[1][0] > 4 + 11 + 4 + name + 4 + wide


def test_a_point_counts_by_how_many_steps_lie_before_it():
    kept = Series()
    kept.append(np.array([0, 10, 11]), np.array([0.0, 1.0, 0.0]))
    smoothed = kept.smoothed(0.9)
    weight = (0.1 * 0.9**10 + (1 - 0.9**10), 0.9**10)
    assert smoothed[1] == pytest.approx((1 - 0.9**10) / weight[0])
    assert smoothed[2] < smoothed[1]
    kept.append(np.array([1000]), np.array([0.5]))
    assert kept.smoothed(0.9)[-1] == pytest.approx(0.5)


def test_what_is_of_another_net_is_not_said_until_a_point_comes(plot):
    plot.append("train", np.arange(3), np.array([3.0, 2.0, 1.0]))
    plot.append("test", np.arange(3), np.array([3.0, 2.0, 0.5]))
    plot.smoothing = 0.0
    plot.redraw()
    plot.outdate("train")
    assert {n: v for n, _, v in plot.legend.entries}["train"] == ""
    assert "test − train" not in [n for n, _, _ in plot.legend.entries]
    plot.append("train", np.array([3]), np.array([2.75]))
    plot.redraw()
    assert {n: v for n, _, v in plot.legend.entries}["train"] == "2.75"


def test_another_document_has_no_mark_of_the_one_before(plot):
    plot.append("train", np.arange(5.0), np.ones(5))
    plot.set_playhead(3)
    plot.clear()
    assert plot.playhead is None
