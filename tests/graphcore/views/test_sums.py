"""A number as the sum that it is: the terms add up to it, whatever the shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import graphcore as gc
from graphcore.engine.compiler import compile
from graphcore.engine.reading import calculate
from graphcore.views.stepper import ElementFrame
from graphcore.views.stepper.sums import element

RNG = np.random.default_rng(0)


def graph_of(operator: str, shapes: dict[str, tuple[int, ...]], **attributes) -> gc.Graph:
    graph = gc.Graph()
    y = graph.add(operator, name="y", **attributes)
    for name, shape in shapes.items():
        values = RNG.normal(size=shape).tolist()
        graph.add("Input", name=f"in_{name}", shape=shape, batch=False, value=values)
        graph.connect(f"in_{name}", y, input=name)
    return graph


def added_up(told: ElementFrame) -> float:
    left = np.array([f.value for f in told.left])
    right = np.array([f.value for f in told.right]) if told.right else 1.0
    terms = (left - right) ** 2 if told.squares else left * right
    return float(terms.sum() * told.share) + (told.bias.value if told.bias else 0.0)


CASES = [
    ("Linear", {"x": (5,)}, {"out_features": 3}), ("Linear", {"x": (4, 5)}, {"out_features": 3}),
    ("MatMul", {"a": (3, 4), "b": (4, 2)}, {}), ("MatMul", {"a": (4,), "b": (4, 2)}, {}),
    ("MatMul", {"a": (3, 4), "b": (4,)}, {}), ("MatMul", {"a": (4,), "b": (4,)}, {}),
    ("MatMul", {"a": (2, 3, 4), "b": (2, 4, 5)}, {}),
    ("Sum", {"x": (3, 4)}, {"dim": 1}), ("Mean", {"x": (3, 4)}, {}),
    ("Mean", {"x": (3, 4)}, {"dim": 0, "keepdim": True}),
    ("MSELoss", {"x": (3, 2), "target": (3, 2)}, {}),
    ("MSELoss", {"x": (6,), "target": (6,)}, {"reduction": "sum"}),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "shapes", "attributes"), CASES)
def test_every_number_is_its_sum(operator, shapes, attributes) -> None:
    graph = graph_of(operator, shapes, **attributes)
    plan = compile(graph, dtype="float64", mode="inspect")
    calculate(plan, graph)
    y = plan.value("y")
    for index in np.ndindex(*y.shape):
        told = element(plan, graph, "y", index)
        assert told is not None
        assert told.index == index
        assert told.total == float(y[index])
        assert added_up(told) == pytest.approx(told.total, rel=1e-12, abs=1e-12)
        for factor in told.left:
            if factor.letter in shapes:
                source = plan.value(f"in_{factor.letter}")
                assert factor.value == float(source[factor.index])
    assert gc.ops.get(operator).sums


def test_what_is_no_sum_is_not_written_out() -> None:
    graph = graph_of("Tanh", {"x": (3,)})
    plan = compile(graph, mode="inspect")
    calculate(plan, graph)
    assert element(plan, graph, "y", (0,)) is None
    assert element(plan, graph, "in_x", (0,)) is None


def test_an_index_that_does_not_fit_is_the_first_number() -> None:
    graph = graph_of("Sum", {"x": (3, 4)}, dim=1)
    plan = compile(graph, mode="inspect")
    calculate(plan, graph)
    told = element(plan, graph, "y", (7, 1))
    assert told is not None
    assert told.index == (0,)
    assert torch.isfinite(torch.tensor(told.total))
