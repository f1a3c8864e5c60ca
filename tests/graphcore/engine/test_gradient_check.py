"""The check of gradients says how far they are from finite differences, and why."""

from __future__ import annotations

import pytest
import torch

import graphcore as gc
from graphcore.engine.gradient_check import Compared, compare
from graphcore.errors import GradscapeError


def checked(text: str, step: float, part: str = "", **values: float) -> dict[str, Compared]:
    graph = gc.parse_expression(text)
    plan = gc.compile(graph, dtype="float64")
    end = next(n.name for n in graph if not graph.edges_from(n))
    feeds = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
    return compare(plan, feeds, end, step, part)


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


@pytest.mark.parametrize(("a", "b"), [(1e30, 1e30), (1e11, 1.0), (3e9, 3e9)])
def test_a_loss_too_large_for_the_step_leaves_nothing_to_compare(a: float, b: float) -> None:
    found = checked("3*(a + b*c)", 1e-6, a=a, b=b, c=2.0)
    assert found["a"].reason == "lost"
    assert {found[n].reason for n in "ab"} == {"lost"}, "3 and 6 are far below the rounding"
    small = checked("3*(a + b*c)", 1e-6, a=5.0, b=3.0, c=2.0)
    assert {c.reason for c in small.values()} == {"rounding"}
    assert all(c.error < 1e-8 for c in small.values())


def test_a_wrong_gradient_below_the_rounding_is_never_called_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        gc.ops.get("Add"), "vjp", staticmethod(lambda g, y, a, b: (1.5 * g, 1.5 * g))
    )
    for large in (0.0, 1e4, 1e6, 1e7, 1e8, 1e9, 1e12):
        found = checked("a + b", 1e-6, a=large, b=2.0)["b"]
        assert found.reason in ("wrong", "lost"), (large, found)


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
    assert found.reason == "wrong"


def test_weights_and_feeds_are_as_before() -> None:
    graph = gc.parse_expression("a*b")
    plan = gc.compile(graph, dtype="float64")
    feeds = {k: torch.tensor(2.0, dtype=torch.float64) for k in "ab"}
    compare(plan, feeds, "result", 1e-3)
    assert all(float(v) == 2 for v in feeds.values())


def test_a_part_alone_is_compared() -> None:
    values = {"a": 5.0, "b": 3.0, "c": 2.0}
    for part, slope in (("a", 3), ("u", 3), ("b -> u.a", 6), ("u -> v.b", 3)):
        found = checked("u = b*c\nv = a + u\nJ = 3*v", 1e-4, part, **values)
        assert list(found) == [part]
        assert found[part].own == pytest.approx(slope)
        assert found[part].difference == pytest.approx(slope, rel=1e-9)


def test_one_of_two_edges_of_a_square_carries_half() -> None:
    found = checked("J = x*x", 1e-4, "x -> J.b", x=3.0)["x -> J.b"]
    assert (found.own, round(found.difference, 9)) == (3, 3)
    whole = checked("J = x*x", 1e-4, "x", x=3.0)["x"]
    assert (whole.own, round(whole.difference, 9)) == (6, 6)


def test_every_node_on_the_way_is_compared() -> None:
    found = checked("u = sin(x)\nJ = exp(u) + u", 1e-5, x=0.5)
    assert {"x", "u"} <= set(found)
    assert "J" not in found
    assert max(c.error for c in found.values()) < 1e-9


def test_what_the_result_does_not_depend_on_is_said() -> None:
    with pytest.raises(gc.errors.GradscapeError, match="ghost"):
        checked("J = x*x", 1e-4, "ghost", x=3.0)


def test_numbers_at_a_kink_are_left_out_and_counted() -> None:
    graph = gc.Graph()
    x = graph.add("Input", name="x", shape=(4,), batch=False)
    graph.connect(x, graph.add("ReLU", name="r"))
    graph.connect("r", graph.add("Sum", name="J"))
    plan = gc.compile(graph, dtype="float64")
    feeds = {"x": torch.tensor([1.0, -2.0, 1e-3, 3.0], dtype=torch.float64)}
    found = compare(plan, feeds, "J", 1e-2, "x")["x"]
    assert (found.kinks, found.reason) == (1, "rounding")
    assert found.error < 1e-9


def test_kinks_that_cancel_in_the_slopes_are_kinks_all_the_same() -> None:
    """Ties of two maxima with opposite signs: left and right slopes agree, the gradient differs."""
    found = checked("max(x, 3*x) - max(2*x, 0*x)", 1e-4, "x", x=0.0)["x"]
    assert found.reason in ("kink", "rounding")
    found = checked("max(x, 3*x) - max(0*x, 2*x)", 1e-4, "x", x=0.0)["x"]
    assert found.reason in ("kink", "rounding")


@pytest.mark.parametrize("step", [0.0, -1e-3, 5e-324, float("nan"), float("inf")])
def test_a_step_that_is_none_is_one_sentence(step: float) -> None:
    with pytest.raises(
        GradscapeError, match=r"moves numbers by a step from 1e-100 to 1e\+100, got"
    ):
        checked("exp(x)", step, x=0.5)


@pytest.mark.parametrize("text", ["a*a", "a/a", "sqrt(a)", "log(a)", "a**a", "0*a", "max(a, -a)"])
@pytest.mark.parametrize("step", [1e-100, 1e-9, 1e-3, 1e100])
def test_a_sample_of_zeros_is_checked(text: str, step: float) -> None:
    assert "a" in checked(text, step, a=0.0)
