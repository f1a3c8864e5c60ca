"""A step that is looked at is the step that is not, and shows what inspection shows.

``tests/bench/shown_steps.py`` goes through as many nets as one likes.
"""

from __future__ import annotations

import pytest

import graphcore as gc
from graphcore import presets
from graphcore.graph.binding import learns
from graphcore.training.trainer import Trainer
from graphcore.views.histograms.compute import spread
from tests.graphcore.engine.random_nets import data_for, random_net, refrozen
from tests.graphcore.engine.shown_steps import (
    first_difference,
    misshown,
    shown_otherwise,
    stepwise_difference,
)

TRAINED = [name for name in presets.small() if learns(presets.load(name))]
DTYPES = ("float64", "float32")
NETS, PER_CASE = 100, 10
CASES = range(0, NETS, PER_CASE)


@pytest.mark.parametrize("first", CASES)
def test_a_recorded_step_of_a_random_net_shows_what_inspection_shows(first: int) -> None:
    for seed in range(first, first + PER_CASE):
        net = random_net(seed)
        found = misshown(net.graph, net.data, DTYPES[seed % 2])
        assert not found, f"net {seed}: {found}"


@pytest.mark.parametrize("first", CASES)
def test_a_random_net_that_is_watched_learns_the_same_to_the_last_bit(first: int) -> None:
    for seed in range(first, first + PER_CASE):
        found = first_difference(random_net(seed), DTYPES[seed % 2])
        assert not found, f"net {seed}: {found}"


@pytest.mark.parametrize("first", CASES)
def test_a_random_net_trains_by_the_gradients_that_inspection_finds(first: int) -> None:
    for seed in range(first, first + PER_CASE):
        net = random_net(seed)
        found = stepwise_difference(net.graph, net.data, "float64")
        assert found <= 1e-12, f"net {seed}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TRAINED)
def test_a_recorded_step_of_a_preset_shows_what_inspection_shows(name: str, dtype: str) -> None:
    graph = presets.load(name)
    for seed, tried in enumerate((graph, refrozen(graph, 1), refrozen(graph, 2))):
        assert not misshown(tried, data_for(tried, seed), dtype)


def test_of_several_losses_each_has_gradients_of_its_own() -> None:
    """Both go back through one convolution and its pooling, which are run as one."""
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(1, 6, 6))
    for name, operator, attributes in (
        ("conv", "Conv2d", {"out_channels": 2, "kernel_size": 3}),
        ("relu", "ReLU", {}),
        ("pool", "MaxPool2d", {"kernel_size": 2}),
    ):
        graph.add(operator, name=name, **attributes)
    graph.add("Mean", name="first")
    graph.add("Mul", name="square")
    graph.add("Mean", name="second")
    for source, target in (
        ("x", "conv"), ("conv", "relu"), ("relu", "pool"), ("pool", "first"),
        ("pool", "square"), ("pool", "square"), ("square", "second"),
    ):  # fmt: skip
        graph.connect(source, target)
    recorded, inspected = (
        gc.compile(graph, dtype="float64", mode=m) for m in ("record", "inspect")
    )
    x = data_for(graph, 0).train.inputs
    for loss in ("first", "second", "first"):
        for plan in (recorded, inspected):
            plan.forward({"x": x}, training=True)
            plan.backward(loss)
        assert not shown_otherwise(recorded, inspected, graph, 1e-12), loss


def test_lenet5_with_its_first_layer_frozen_can_be_looked_at() -> None:
    graph = presets.load("lenet5")
    first = next(n for n in graph if n.operator == "Conv2d")
    for parameter in first.parameter_inputs:
        graph.set_frozen(first, parameter, True)
    trainer = Trainer(graph, data_for(graph, 0))
    trainer.train_step(record=True)
    for node in graph:
        trainer.recorded.grad(node, first=1)
    assert not misshown(graph, data_for(graph, 0), "float64")
    shown = spread(trainer, first.name)
    assert shown.weights is not None
    assert shown.gradient is None, "a gradient that was not computed is not one of zeros"
