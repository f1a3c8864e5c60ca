"""The curvature of the loss beside what the learning rate bears, along a run."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from graphcore.views.sharpness import SharpnessFrame, SharpnessPoint
from tests.app.driver import PATIENCE, train


def test_the_run_before_one_looked_is_drawn_too_and_the_limit_follows_the_rate(
    qtbot, opened, live_window
) -> None:
    panel, document = opened("circle", "sharpness"), live_window.document
    qtbot.waitUntil(lambda: live_window.engine.moment.run > 0, timeout=PATIENCE)
    document.set_training(msgspec.structs.replace(document.root.training, optimizer="SGD", lr=0.1))
    train(qtbot, live_window, 40)
    said = "Step 40 · sharpness"
    qtbot.waitUntil(lambda: panel.stamp.text().startswith(said), timeout=PATIENCE)
    assert "2 / learning rate 20:" in panel.stamp.text()
    qtbot.waitUntil(lambda: len(panel.plot.points("sharpness")[0]) > 1, timeout=PATIENCE)
    steps, values = panel.plot.points("sharpness")
    assert list(steps) == sorted(steps)
    assert np.isfinite(values).all()
    limits = panel.plot.points("limit")[1]
    assert limits[0] == pytest.approx(2 / 0.03), "at the start the rate was another"
    assert limits[1:] == pytest.approx(20.0)
    document.open_graph(type(document.root)())
    assert not len(panel.plot.points("sharpness")[0])


def test_it_is_said_on_which_side_of_the_line_the_net_is(opened) -> None:
    panel = opened("circle", "sharpness")
    for value, words in ((30.0, "would bounce"), (3.0, "settles")):
        panel.show_reply(SharpnessFrame(step=5, points=(SharpnessPoint(5, value, 20.0),)))
        assert words in panel.stamp.text()
    panel.show_reply(SharpnessFrame(problem="This net has no loss."))
    assert panel.stamp.text() == "This net has no loss."
