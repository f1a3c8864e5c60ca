"""A graph that goes out and comes back is the same: names, operators, attributes, weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphcore as gc
from graphcore import datasets, presets
from graphcore.engine.plan import Plan
from graphcore.exchange.embedded import _OTHER as OTHER
from graphcore.exchange.net import ImportedNet
from graphcore.files.answering import answers, needed
from graphcore.files.onnx import writer
from graphcore.files.torch import export as torch_export
from graphcore.files.torch import program
from graphcore.graph.binding import bind, learns
from graphcore.graph.elements import Note
from graphcore.graph.flatten import flatten
from graphcore.training.trainer import Trainer
from tests.graphcore.graph.test_composites import grouped

NAMES = presets.small()


def part(graph: gc.Graph, answer: str) -> dict[str, tuple[Any, ...]]:
    """The part that answers: name -> operator, attributes, inputs, frozen parameters."""
    flat = flatten(graph)
    return {
        n.name: (n.node.operator, attributes(n.node), dict(n.inputs), n.node.frozen)
        for n in needed(flat, answers(flat, answer))
    }


def attributes(node: gc.Node) -> dict[str, Any]:
    """A node's attributes, those that say the same in one form."""
    found = dict(node.attributes)
    if node.operator == "LayerNorm":  # None is the last axis, whatever its length
        found.pop("normalized_shape")
    return found


def trained(name: str) -> tuple[gc.Graph, Plan, Trainer | None, str]:
    """A preset, a plan of it, its run, and the node that answers."""
    graph = presets.load(name)
    if not learns(graph):
        return graph, torch_export.calculation(graph), None, ""
    s = graph.training
    data = datasets.load(s.dataset, options={**s.dataset_options}, seed=s.seed)
    trainer = Trainer(graph, data)
    return graph, trainer.plan, trainer, bind(graph).output


def by_onnx(name: str, folder: Path) -> tuple[ImportedNet, gc.Graph, Plan, str]:
    onnx = pytest.importorskip("onnx")
    graph, plan, _, answer = trained(name)
    onnx.save(writer.model_of(graph, plan, name="net", answer=answer), folder / "net.onnx")
    return gc.open_net(folder / "net.onnx"), graph, plan, answer


def by_torch(
    name: str, folder: Path, traced: bool = False
) -> tuple[ImportedNet, gc.Graph, Plan, str]:
    graph, plan, trainer, answer = trained(name)
    if trainer is None:
        made = torch_export.of_calculation(graph, plan, "net", traced)
    else:
        made = torch_export.of_run(trainer, "net", traced)
    if traced:
        path, _ = program.write(made, folder, "net")
    else:
        path = torch_export.write(made, folder, "net")
    return gc.open_net(path), graph, plan, answer


def assert_same(net: ImportedNet, graph: gc.Graph, plan: Plan, answer: str) -> None:
    wanted = part(graph, answer)
    assert part(net.graph, net.outputs[0]) == wanted
    assert OTHER not in net.report.notes
    kept = {k: v for k, v in plan.state_dict().items() if k.rpartition(".")[0] in wanted}
    for key, value in kept.items():
        assert np.array_equal(net.weights[key], value.numpy().astype(net.weights[key].dtype)), key


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_comes_back_from_an_onnx_file(name: str, tmp_path: Path) -> None:
    assert_same(*by_onnx(name, tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_comes_back_from_a_program(name: str, tmp_path: Path) -> None:
    assert_same(*by_torch(name, tmp_path, traced=True))


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_comes_back_from_a_script(name: str, tmp_path: Path) -> None:
    """A script says no number for its inputs: those of a calculation are left out."""
    net, graph, _, answer = by_torch(name, tmp_path)
    for node in graph:
        if node.operator == "Input":
            graph.set_attributes(node.name, value=None)
    answering = net.outputs[0] if net.outputs else ""
    assert part(net.graph, answering) == part(graph, answer)


def test_composites_and_weights_that_were_given_come_back(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    graph = grouped(presets.load("xor"), "hidden", "tanh")
    for node in graph:
        if node.operator == "Linear":
            graph.set_initializer(node.name, "weight", "zeros")
    plan = gc.compile(graph, seed=5)
    for value in plan.parameters.values():
        value.add_(0.25)
    onnx.save(writer.model_of(graph, plan, name="net", answer="out"), tmp_path / "net.onnx")
    net = gc.open_net(tmp_path / "net.onnx")
    assert_same(net, graph, plan, "out")
    assert net.graph.node("block").subgraph is not None


@pytest.mark.parametrize("what", ["another graph", "no graph", "another weight"])
def test_a_graph_that_is_not_the_files_is_not_taken(what: str, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    graph, plan, _, answer = trained("xor")
    model = writer.model_of(graph, plan, name="net", answer=answer)
    (note,) = [p for p in model.metadata_props if p.key == writer.KEY]
    if what == "another graph":
        note.value = note.value.replace("Tanh", "ReLU")
    elif what == "no graph":
        note.value = '{"graph": "[[[[", "outputs": []}'
    else:
        model.graph.initializer[0].raw_data = bytes(len(model.graph.initializer[0].raw_data))
    onnx.save(model, tmp_path / "net.onnx")
    net = gc.open_net(tmp_path / "net.onnx", check=True)
    assert net.report.max_error <= 1e-6
    assert (OTHER in net.report.notes) == (what == "another graph")
    assert {n.operator for n in net.graph} >= {"Linear", "Tanh"}


def test_a_file_carries_nothing_of_training_or_data(tmp_path: Path) -> None:
    graph, plan, _, answer = trained("xor")
    graph.set_training(gc.TrainingSettings(dataset="csv", dataset_options={"path": "/home/me/x"}))
    graph.set_note("n", Note("n", "my words"))
    data = writer.model_of(graph, plan, name="net", answer=answer).SerializeToString()
    assert b"/home/me" not in data
    assert b"my words" not in data
