"""Held values: equal to the same net with the value written into it, and nothing else changes."""

from __future__ import annotations

import pytest
import torch

import graphcore as gc
from graphcore import datasets, presets
from graphcore.engine.reading import calculate
from graphcore.errors import EngineError
from graphcore.session.holds import FREE, held_graph, held_plan, values_of
from graphcore.session.messages import Hold
from graphcore.training.trainer import Trainer
from graphcore.views.what_if.compute import compare


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    made = Trainer(presets.load("mlp"), datasets.load("digits"))
    list(made.steps(60))
    return made


def feeds(trainer: Trainer, n: int = 5):  # type: ignore[no-untyped-def]
    x, t = trainer.tensors(trainer.data.test, n)
    return trainer.binding.feeds(x, t)


def test_a_held_neuron_is_what_zeroing_its_column_gives(trainer: Trainer) -> None:
    holds = (Hold("relu1", (3,), 0.0),)
    plan = held_plan(held_graph(trainer.graph, holds, [0.0]), trainer.plan)
    plan.forward(feeds(trainer))
    other = trainer.looking_plan()
    with torch.inference_mode():
        other.parameters["fc2.weight"][:, 3] = 0
    other.forward(feeds(trainer))
    torch.testing.assert_close(plan.value("logits"), other.value("logits"))
    assert float(plan.value("relu1")[:, 3].abs().max()) == 0
    assert torch.equal(plan.value(f"relu1{FREE}"), other.value("relu1"))


def test_a_held_layer_with_weights_keeps_them_and_passes_no_gradient(trainer: Trainer) -> None:
    plan = held_plan(held_graph(trainer.graph, (Hold("fc2", (), 1.0),), [1.0]), trainer.plan)
    plan.forward(feeds(trainer))
    plan.backward("loss")
    assert torch.equal(plan.value("fc2"), torch.ones_like(plan.value("fc2")))
    assert float(plan.grad(f"fc2{FREE}").abs().max()) == 0
    assert float(plan.grad("logits.weight").abs().max()) > 0


def test_a_value_from_another_sample_makes_the_answer_of_that_sample(trainer: Trainer) -> None:
    holds = (Hold("relu1", (), None, sample=7),)
    values = values_of(holds, trainer)
    plan = held_plan(held_graph(trainer.graph, holds, values), trainer.plan)
    plan.forward(feeds(trainer, 1))
    x, t = trainer.tensors(trainer.data.test)
    free = trainer.looking_plan()
    free.forward(trainer.binding.feeds(x[7:8], t[7:8]))
    torch.testing.assert_close(plan.value("logits"), free.value("logits"))


def test_a_held_edge_changes_what_its_target_gets_alone() -> None:
    graph = gc.parse_expression("J = a * b + a")
    mul = next(n.name for n in graph if n.operator == "Mul")
    for name, value in (("a", 2.0), ("b", 5.0)):
        graph.set_attributes(name, value=value)
    holds = (Hold("a", (), 10.0, target=mul, input="a"),)
    plan = gc.compile(held_graph(graph, holds, [10.0]), dtype="float64")
    calculate(plan, graph)
    assert float(plan.value("J")) == 52
    plan.backward("J")
    assert float(plan.grad("a")) == 1


def test_the_comparison_counts_each_class(trainer: Trainer) -> None:
    before = trainer.evaluate(trainer.data.test)
    frame = compare(trainer, held_graph(trainer.graph, (Hold("relu1", (), 0.0),), [0.0]))
    assert frame.loss[0] == pytest.approx(before.loss, rel=1e-5)
    assert frame.loss[1] > frame.loss[0]
    assert sum(frame.after) == pytest.approx(1.0)  # one answer for all
    assert len(frame.before) == 10


def test_what_is_not_there_is_refused(trainer: Trainer) -> None:
    with pytest.raises(EngineError, match="no edge from relu1 to loss"):
        held_graph(trainer.graph, (Hold("relu1", target="loss", input="x"),), [0.0])


def test_training_never_sees_a_hold(trainer: Trainer) -> None:
    weights = trainer.plan.flat.clone()
    plan = held_plan(held_graph(trainer.graph, (Hold("relu1"),), [0.0]), trainer.plan)
    plan.forward(feeds(trainer))
    assert torch.equal(trainer.plan.flat, weights)
    assert "relu1" + FREE not in trainer.graph
