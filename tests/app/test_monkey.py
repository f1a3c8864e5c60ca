"""A short turn of the monkey; ``tests/bench/monkey.py`` plays thousands of actions."""

from __future__ import annotations

import pytest

from tests.app.monkey import Fault, Monkey


@pytest.mark.parametrize("seed", [1, 2])
def test_random_use_breaks_nothing(live_window, answers_nothing, seed) -> None:
    live_window.start("circle")
    monkey = Monkey(live_window, seed)
    monkey.play(120)
    assert len(monkey.counts) > 10


def test_the_monkey_sees_a_fault(live_window, answers_nothing, monkeypatch) -> None:
    live_window.start("xor")
    monkey = Monkey(live_window, seed=3)
    monkey.actions = [(1, lambda: 1 / 0)]
    with pytest.raises(Fault, match="ZeroDivisionError"):
        monkey.play(1)
    monkey.faults.clear()
    monkeypatch.setattr(live_window.canvas.graph_scene, "nodes", {})
    with pytest.raises(Fault, match="the canvas shows"):
        monkey.check_canvas()
