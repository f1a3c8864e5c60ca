"""Planes: what their axes mean, what they refuse, and the lowest point in closed form."""

import numpy as np
import pytest
import torch

from graphcore import datasets, presets
from graphcore.engine.compiler import compile
from graphcore.errors import EngineError
from graphcore.landscapes.planes import (
    lowest_point,
    name_of_weight,
    only_weights,
    plane_of_weights,
    plane_towards,
    random_plane,
)
from graphcore.landscapes.surface import Surface
from graphcore.training.trainer import Trainer


@pytest.fixture
def circle() -> Trainer:
    graph = presets.load("circle")
    settings = graph.training
    data = datasets.load(settings.dataset, options=settings.dataset_options)
    return Trainer(graph, data, settings)


def test_coordinates_of_two_weights_are_their_values(circle: Trainer) -> None:
    plan = circle.plan
    name = plan.layout[0].name
    plane = plane_of_weights(plan, [(name, 1), (name, 2)])
    a, b = plane.places([plan.flat])[0]
    weights = plan.parameters[name].numpy()
    assert (a, b) == pytest.approx((weights.flat[1], weights.flat[2]))
    plan.flat.copy_(plane.at(5.0, -7.0))
    assert weights.flat[1:3].tolist() == [5.0, -7.0]
    assert plane.labels[0] == f"{name}[0, 1]"


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([("nobody.weight", 0), ("nobody.weight", 1)], "no parameter nobody.weight"),
        ([("FIRST", 0), ("FIRST", 0)], "the same weight"),
        ([("FIRST", 0), ("FIRST", 10**6)], "1000000 is not one"),
    ],
)
def test_weights_that_are_not_there_are_refused(circle: Trainer, chosen: list, said: str) -> None:
    first = circle.plan.layout[0].name
    with pytest.raises(EngineError, match=said):
        plane_of_weights(circle.plan, [(n.replace("FIRST", first), i) for n, i in chosen])


def test_the_way_to_other_weights_goes_from_0_to_1(circle: Trainer) -> None:
    start = circle.plan.flat.clone()
    list(circle.steps(5))
    plane = plane_towards(circle.plan, start, "start")
    torch.testing.assert_close(plane.at(0, 0), circle.plan.flat)
    torch.testing.assert_close(plane.at(1, 0), start)
    assert float(torch.dot(plane.u, plane.v)) == pytest.approx(0, abs=1e-6)
    assert float(plane.v.norm()) == pytest.approx(float(plane.u.norm()), rel=1e-4)


def test_a_slice_is_one_row_of_the_surface(circle: Trainer) -> None:
    x, t = circle.tensors(circle.data.test, 50)
    feeds, loss = circle.binding.feeds(x, t), circle.binding.loss
    plane, plan = random_plane(circle.plan), circle.evaluation_plan()
    whole = Surface(plan, plane, feeds, loss, (-1, 1, -1, 1), 9)
    line = Surface(plan, plane, feeds, loss, (-1, 1, 0, 0), 9)
    assert whole.work(60)
    assert line.work(60)
    assert line.values.shape == (1, 9)
    np.testing.assert_allclose(line.values[0], whole.values[4], rtol=1e-5)


def test_the_lowest_point_of_a_line_fit_is_that_of_least_squares() -> None:
    plan = compile(presets.load("linear-regression"), dtype="float64")
    assert only_weights(plan) == [("line.weight", 0), ("line.bias", 0)]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 1))
    y = 2.5 * x - 0.75 + 0.1 * rng.normal(size=x.shape)
    plane = plane_of_weights(plan, only_weights(plan))
    graph = plan.feeds.sources
    names = [name for name, (_, node) in graph.items()]
    target = next(n for n in names if n in ("t", "target", "y"))
    feeds = {n: (y if n == target else x) for n in names}
    loss = next(n.name for n in presets.load("linear-regression") if "Loss" in n.operator)

    def at(a: float, b: float) -> float:
        plan.flat.copy_(plane.at(a, b))
        plan.forward(feeds)
        return float(plan.value(loss))

    h = 0.5
    places = ((0, 0), (h, 0), (-h, 0), (0, h), (0, -h), (h, h), (-h, -h), (2 * h, -h))
    found = lowest_point([at(a, b) for a, b in places], h)
    slope, offset = np.polyfit(x[:, 0], y[:, 0], 1)
    assert found == pytest.approx((slope, offset), rel=1e-9)


def test_no_lowest_point_is_told_of_a_loss_that_is_not_quadratic() -> None:
    h = 0.5
    places = ((0, 0), (h, 0), (-h, 0), (0, h), (0, -h), (h, h), (-h, -h), (2 * h, -h))
    assert lowest_point([np.cosh(2 * a) + b**2 for a, b in places], h) is None
    assert lowest_point([a - b**2 for a, b in places], h) is None


def test_a_weight_is_named_by_its_place(circle: Trainer) -> None:
    info = circle.plan.layout[0]
    assert name_of_weight(circle.plan, info.name, info.shape[1]) == f"{info.name}[1, 0]"
