"""The check of gradients says how far they are from finite differences, and why."""

from __future__ import annotations

import pytest
import torch

import graphcore as gc
from graphcore.gradient_check import Compared, compare


def checked(text: str, step: float, **values: float) -> dict[str, Compared]:
    graph = gc.parse_expression(text)
    plan = gc.compile(graph, dtype="float64")
    end = next(n.name for n in graph if not graph.edges_from(n))
    feeds = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
    return compare(plan, feeds, end, step)


def test_a_large_step_bends_and_the_error_falls_with_its_square() -> None:
    errors = []
    for step in (1e-2, 1e-3):
        found = checked("exp(x)", step, x=0.5)["x"]
        assert found.reason == "curve"
        errors.append(found.error)
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.01)
    assert errors[0] == pytest.approx(1e-4 / 6, rel=0.01)


def test_a_small_step_rounds() -> None:
    found = checked("exp(x)", 1e-9, x=0.5)["x"]
    assert found.reason == "rounding"
    assert 0 < found.error < 1e-5


@pytest.mark.parametrize("x", [1e-3, -2e-3])
def test_a_kink_within_the_step_is_told(x: float) -> None:
    found = checked("relu(x) + 3*x", 1e-2, x=x)["x"]
    assert found.reason == "kink"
    assert found.error > 0.05


def test_a_wrong_gradient_is_not_explained_away(monkeypatch: pytest.MonkeyPatch) -> None:
    tanh = gc.ops.get("Tanh")
    monkeypatch.setattr(tanh, "vjp", staticmethod(lambda g, y, x: (g * (1 - y),)))
    found = checked("tanh(x)", 1e-5, x=0.3)["x"]
    assert found.error > 0.1
    assert found.reason == "kink"


def test_weights_and_feeds_are_as_before() -> None:
    graph = gc.parse_expression("a*b")
    plan = gc.compile(graph, dtype="float64")
    feeds = {k: torch.tensor(2.0, dtype=torch.float64) for k in "ab"}
    compare(plan, feeds, "result", 1e-3)
    assert all(float(v) == 2 for v in feeds.values())
