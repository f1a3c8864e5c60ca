"""Nets that torch.export.save wrote: read as data, equal to the module in value and gradient."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import graphcore as gc
from graphcore.exchange.net import ImportedNet
from tests.graphcore.exchange.nets import NETS

SAVED = Path(__file__).parent / "saved"
each_net = pytest.mark.parametrize("name", list(NETS))


def arrays(name: str) -> dict[str, np.ndarray[Any, Any]]:
    return load_file(SAVED / f"{name}.safetensors")


def opened(name: str) -> ImportedNet:
    return gc.open_net(SAVED / f"{name}.pt2")


def feeds(net: ImportedNet, known: dict[str, Any]) -> dict[str, Any]:
    return {name: known[f"in{i}"] for i, name in enumerate(net.inputs)}


def assert_close(found: Any, wanted: Any, largest: float, what: str) -> None:
    assert found.shape == wanted.shape, what
    assert float(np.abs(found - wanted).max()) <= 1e-5 * max(largest, 1e-3), what


@each_net
def test_every_output_is_the_modules(name: str) -> None:
    net, known = opened(name), arrays(name)
    plan = net.compile(mode="inspect")
    plan.forward(feeds(net, known))
    assert len(net.outputs) == sum(key.startswith("out") for key in known)
    for i, output in enumerate(net.outputs):
        wanted = known[f"out{i}"]
        assert_close(plan.value(output).numpy(), wanted, float(np.abs(wanted).max()), output)


@each_net
@pytest.mark.parametrize("mode", ["inspect", "train"])
def test_every_parameters_gradient_is_the_modules(name: str, mode: Any) -> None:
    net, known = opened(name), arrays(name)
    plan = net.compile(mode=mode)
    total = dict.fromkeys(plan.parameters, 0.0)
    for i, output in enumerate(net.outputs):
        plan.forward(feeds(net, known))
        plan.backward(output, np.ones_like(known[f"out{i}"]))
        for key, g in plan.gradients.items():
            total[key] = total[key] + g.numpy()
    wanted = {k.removeprefix("gradient:"): v for k, v in known.items() if k.startswith("grad")}
    largest = max(float(np.abs(g).max()) for g in wanted.values())
    assert wanted
    for key, g in wanted.items():
        assert_close(total[net.report.names[key]], g, largest, key)


@each_net
def test_the_batch_may_have_another_size(name: str) -> None:
    net, known = opened(name), arrays(name)
    plan = net.compile()
    given = feeds(net, known)
    plan.forward({key: np.concatenate([a, a[:1]]) for key, a in given.items()})
    for i, output in enumerate(net.outputs):
        wanted = known[f"out{i}"]
        found = plan.value(output).numpy()
        assert_close(found[:2], wanted, float(np.abs(wanted).max()), output)
        assert np.allclose(found[2], found[0], atol=1e-6)


@each_net
def test_every_parameter_counts_once_and_frozen_ones_stay(name: str) -> None:
    import torch

    net = opened(name)
    module = NETS[name][0]()
    count = sum(p.numel() for p in module.parameters())
    plan = net.compile()
    assert net.report.parameters == count == sum(p.numel() for p in plan.parameters.values())
    assert set(net.report.names) >= {n for n, _ in module.named_parameters()}
    frozen = {p.name for p in plan.layout if p.frozen}
    wanted = {n for n, p in module.named_parameters() if not p.requires_grad}
    assert frozen == {net.report.names[n] for n in wanted}
    assert isinstance(next(iter(plan.parameters.values())), torch.Tensor)


@each_net
def test_a_net_is_saved_and_loaded_as_it_is(name: str, tmp_path: Path) -> None:
    net, known = opened(name), arrays(name)
    gc.save(net.graph, tmp_path / "net.graph.json")
    again = ImportedNet(
        gc.load(tmp_path / "net.graph.json"), net.weights, net.inputs, net.outputs, net.report
    )
    assert gc.files.dumps(again.graph) == gc.files.dumps(net.graph)
    values = []
    for which in (net, again):
        plan = which.compile()
        plan.forward(feeds(net, known))
        values.append(plan.value(net.outputs[0]))
    assert values[0].equal(values[1])


def test_modules_are_composites_inside_composites_with_their_class() -> None:
    graph = opened("residual").graph
    block = graph.node("layers_1")
    assert block.operator == "Composite"
    assert block.attributes["title"] == "Block"
    assert block.subgraph is not None
    inner = {n.name: n.operator for n in block.subgraph if n.operator not in ("Input", "Output")}
    assert inner == {
        "conv": "Conv2d", "bn": "BatchNorm2d", "down": "Composite", "add": "Add", "relu": "ReLU",
    }  # fmt: skip
    assert graph.at("layers_1/down/_0").operator == "Conv2d"
    assert graph.node("fc").operator == "Linear"


def test_results_are_called_as_the_module_calls_them() -> None:
    assert opened("heads").outputs == ("scores", "rest", "rest_2")
    assert opened("heads").inputs == ("x", "scale")


def test_layers_are_operators_of_ours() -> None:
    for name in NETS:
        kinds = {overload.split(".")[1] for overload in opened(name).report.aten}
        heavy = {"linear", "conv2d", "batch_norm", "layer_norm", "scaled_dot_product_attention"}
        assert not kinds & heavy, name


def test_reading_needs_no_torch() -> None:
    code = (
        "import sys, graphcore as gc\n"
        f"for f in {[str(SAVED / f'{n}.pt2') for n in NETS]!r}: gc.open_net(f)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_report_says_what_became_what() -> None:
    assert opened("sequence").report.aten == {}
    report = opened("heads").report
    assert "aten.select_scatter.default" in report.aten
    text = str(report)
    assert "runs as an Aten node" in text
    assert "Not compared" in text
    assert opened("sequence").report.as_dict()["composites"] == 1


def test_another_kind_of_file_is_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "net.xyz"
    other.write_text("x")
    with pytest.raises(gc.errors.FileError, match=r"net\.xyz is no net"):
        gc.open_net(other)
