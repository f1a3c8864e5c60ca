"""A function of its own parameters is made small without any data."""

from __future__ import annotations

import json

import pytest

import graphcore as gc
from graphcore import datasets, files
from graphcore.cli.main import main
from graphcore.errors import GraphError
from graphcore.graph.binding import bind, descends, learns
from graphcore.graph.graph import Graph
from graphcore.graph.runnable import runnable_part
from graphcore.graph.training_settings import TrainingSettings
from graphcore.training.trainer import Trainer

RATE = 0.1


def saddle(start: tuple[float, float] = (1.0, 0.5)) -> Graph:
    """x² - y², from a point."""
    graph = Graph()
    for name, value in zip("xy", start, strict=True):
        node = graph.add("Parameter", name=name, shape=())
        graph.set_initializer(node, "value", f"constant({value})")
        graph.add("Mul", name=f"{name}2")
        graph.connect(name, f"{name}2", input="a")
        graph.connect(name, f"{name}2", input="b")
    graph.add("Sub", name="f")
    graph.connect("x2", "f", input="a")
    graph.connect("y2", "f", input="b")
    graph.training = TrainingSettings(optimizer="SGD", lr=RATE, epochs=1)
    return graph


def test_each_step_goes_down_the_gradient() -> None:
    trainer = Trainer(saddle(), datasets.NOTHING, dtype="float64")
    x, y = 1.0, 0.5
    for record in trainer.steps(5):
        assert record.loss == pytest.approx(x * x - y * y, abs=1e-12)
        x, y = x - RATE * 2 * x, y + RATE * 2 * y
    assert float(trainer.plan.value("x")) == pytest.approx(x, abs=1e-12)
    assert float(trainer.plan.value("y")) == pytest.approx(y, abs=1e-12)
    assert trainer.evaluate(datasets.NOTHING.test).loss == pytest.approx(x * x - y * y, abs=1e-12)


def test_what_is_made_small_is_the_only_result_or_the_chosen_one() -> None:
    graph = saddle()
    assert descends(graph)
    assert not learns(graph)
    graph.add("Tanh", name="other")
    graph.connect("x", "other")
    assert not descends(graph)
    with pytest.raises(GraphError, match="choose"):
        bind(graph)
    graph.rename("f", "loss")
    assert bind(graph).loss == "loss"


def test_a_result_that_cannot_be_made_small_says_why() -> None:
    graph = saddle()
    for name in "xy":
        graph.set_frozen(name, "value", True)
    with pytest.raises(GraphError, match="Nothing can learn"):
        bind(graph)
    wide = Graph()
    wide.add("Parameter", name="w", shape=(3,))
    wide.add("Tanh", name="f")
    wide.connect("w", "f")
    with pytest.raises(GraphError, match="one number"):
        bind(wide)


def test_the_command_line_descends_too(tmp_path, capsys) -> None:
    path = tmp_path / "saddle.graph.json"
    files.save(saddle(), path)
    assert main(["train", str(path), "--epochs", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert told["steps"] == 100
    assert told["train_loss"] < -1.0


def test_what_follows_a_fault_is_left_out_and_the_rest_runs() -> None:
    graph = Graph()
    graph.add("Input", name="x", shape=(4,))
    graph.add("Linear", name="first", out_features=3)
    graph.add("MatMul", name="odd")
    graph.add("Linear", name="last", out_features=2)
    graph.add("Target", name="t")
    graph.add("CrossEntropyLoss", name="loss")
    for source, target, port in (
        ("x", "first", "x"), ("first", "odd", "a"), ("x", "odd", "b"), ("odd", "last", "x"),
        ("last", "loss", "x"), ("t", "loss", "target"),
    ):  # fmt: skip
        graph.connect(source, target, input=port)
    part = runnable_part(graph)
    assert {node.name for node in part} == {"x", "first"}
    assert gc.compile(part)
    assert "loss" in graph
