"""House prices: from the preset to the errors in euros, seen in the window."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, Qt

from app.widgets.numbers import format_number
from graphcore.records.arrays import unpack

PATIENCE = 60_000


def test_the_errors_of_house_prices_are_in_euros(qtbot, opened, live_window) -> None:
    panel = opened("house-prices", "results")
    window, page = live_window, panel.quantities
    window.transport.play.click()
    qtbot.waitUntil(lambda: window.engine.state == "done", timeout=PATIENCE)
    qtbot.waitUntil(lambda: page.stamp.text().startswith("Step 600"), timeout=PATIENCE)
    assert panel.kinds.currentWidget() is page
    assert page.title.text() == "Errors of price (€) on 40 test samples"
    mae, spread = (float(page.labels[k].text().replace(",", "")) for k in ("mae", "spread"))
    assert 5_000 < mae < 30_000 < 80_000 < spread < 160_000
    assert float(page.labels["r2"].text()) > 0.9
    assert page.against.points.min() > 20_000
    assert page.shown.count() == 2
    page.shown.setFocus()
    qtbot.keyClick(page.shown, Qt.Key.Key_Down)
    assert page.pages.currentWidget() is page.residuals
    training = window.show_panel("training").fill()
    assert "(price (€) - mean) / std" in training.note.text()


def test_a_net_of_one_input_is_drawn_over_its_data(qtbot, opened, live_window) -> None:
    panel = opened("function-fit", "results")
    page = panel.quantities
    qtbot.waitUntil(lambda: page.stamp.text() != "", timeout=PATIENCE)
    assert page.pages.currentWidget() is page.curve
    assert (len(page.curve.points), len(page.curve.rings), len(page.curve.line)) == (160, 40, 240)
    before = page.curve.line.copy()
    live_window.engine.run(200)
    qtbot.waitUntil(lambda: page.stamp.text().startswith("Step 200"), timeout=PATIENCE)
    assert abs(page.curve.line - before).max() > 0.05


def test_the_decision_map_has_the_names_of_the_columns(qtbot, opened) -> None:
    panel = opened("will-pass", "decision")
    qtbot.waitUntil(lambda: panel.map.has_map, timeout=PATIENCE)
    assert panel.map.axes.names == ("hours studied", "hours slept")
    assert [name for name, _ in panel.map.axes.entries] == ["fails", "passes"]
    frame = panel._frame
    shown = panel.map.axes.own(unpack(frame.points).astype(float))
    assert 0 < shown[:, 0].min() < shown[:, 0].max() < 10
    assert format_number(float(shown[:, 1].min()), 1) >= "3"


def test_points_painted_over_normalised_inputs_keep_the_units_of_the_data(
    qtbot, opened, live_window
) -> None:
    panel, document = opened("will-pass", "decision"), live_window.document
    qtbot.waitUntil(lambda: panel.map.has_map, timeout=PATIENCE)
    assert document.root.training.normalization == "standardize"
    before, entries = panel._frame, list(panel.map.axes.entries)
    own = panel.map.axes.own(unpack(before.points).astype(float))
    panel.edit.setChecked(True)
    at = panel.map.area().topLeft().toPoint() + QPoint(8, 8)
    qtbot.mouseClick(panel.map, Qt.MouseButton.LeftButton, pos=at)
    assert document.undo_stack.undoText() == "Paint a point"
    qtbot.waitUntil(lambda: len(unpack(panel._frame.points)) == len(own) + 1, timeout=PATIENCE)
    axes = panel.map.axes
    assert axes.names == ("hours studied", "hours slept")
    assert [name for name, _ in axes.entries] == [name for name, _ in entries]
    np.testing.assert_allclose(axes.own(unpack(panel._frame.points)[1:].astype(float)), own, 1e-5)
    np.testing.assert_allclose(unpack(panel._frame.points)[1:], unpack(before.points), atol=1e-5)
    painted = axes.own(unpack(panel._frame.points)[0].astype(float))
    text = document.root.training.dataset_options["points"].split(";")[0].split()
    np.testing.assert_allclose([float(w) for w in text[:2]], painted, 1e-5)
    samples = live_window.show_panel("samples").fill()
    samples.grid.split.setCurrentIndex(1)
    qtbot.waitUntil(lambda: samples.grid.frame is not None and samples.grid.frame.split == "train",
                    timeout=PATIENCE)  # fmt: skip
    np.testing.assert_allclose(unpack(samples.grid.frame.rows)[0], painted, 1e-5)
    assert samples.grid.frame.columns == axes.names
