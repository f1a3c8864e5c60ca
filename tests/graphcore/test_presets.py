"""Presets: every one compiles, is laid out, and the known numbers come out."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphcore as gc
from graphcore import presets
from graphcore.engine.plan import Plan
from graphcore.errors import FileError
from graphcore.files import dumps, loads
from graphcore.graph.shapes import ShapeInference
from graphcore.training import optimizers, schedules

PARAMETERS = {
    "lenet5": 61_706,
    "mlp": 13_002,
    "mlp-128": 101_770,
    "nielsen": 23_860,
    "tiny-conv": 5_994,
    "softmax-regression": 7_850,
    "expression": 0,
}


def run(name: str) -> Plan:
    plan = gc.compile(presets.load(name), dtype="float64")
    plan.forward({})
    return plan


def test_the_index_and_the_files_agree() -> None:
    folder = Path(presets.__file__).parent.parent / "resources" / "presets"
    files = {f.name.removesuffix(".graph.json") for f in folder.glob("*.graph.json")}
    assert files == set(presets.small())
    for name in presets.names():
        assert presets.title(name)
        assert presets.description(name).endswith(".")
        assert set(presets.groups(name)) & set(presets.GROUPS) == set(presets.groups(name)) != set()


@pytest.mark.parametrize("name", presets.small())
def test_every_preset_compiles_and_is_laid_out(name: str) -> None:
    g = presets.load(name)
    assert not ShapeInference(g).problems
    places = [n.position for n in g]
    assert None not in places
    assert len(set(places)) == len(places)
    assert g.training.optimizer in optimizers.names()
    assert g.training.schedule in schedules.names()
    gc.compile(g)
    assert dumps(loads(dumps(g))) == dumps(g)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_as_many_as_published(name: str) -> None:
    plan = gc.compile(presets.load(name))
    assert sum(p.numel() for p in plan.parameters.values()) == PARAMETERS[name]


def test_the_expression_of_every_course() -> None:
    plan = run("expression")
    plan.backward("J")
    assert [float(plan.value("J")), *(float(plan.grad(n)) for n in "abc")] == [33, 3, 6, 9]


def test_one_neuron() -> None:
    plan = run("perceptron")
    assert float(plan.value("neuron")) == pytest.approx(-6)
    assert float(plan.value("y")) == pytest.approx(0.00247, abs=5e-6)


def test_the_micrograd_expression() -> None:
    plan = run("micrograd")
    plan.backward("g")
    got = [float(plan.value("g")), float(plan.grad("a")), float(plan.grad("b"))]
    assert got == pytest.approx([24.7041, 138.8338, 645.5773], abs=5e-5)


def test_the_chain_rule_along_the_chain() -> None:
    plan = run("chain")
    plan.backward("loss")
    product = 2 * (float(plan.value("a3")) - 1)
    for i in (3, 2, 1):
        a = float(plan.value(f"a{i}"))
        product *= a * (1 - a)
        before = float(plan.value(f"a{i - 1}" if i > 1 else "x"))
        assert float(plan.grad(f"z{i}.weight")) == pytest.approx(product * before)
        product *= float(plan.parameters[f"z{i}.weight"])


def test_a_file_or_a_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(presets.resolve("mlp")) == len(presets.load("mlp"))
    gc.save(gc.Graph(), "mlp")
    gc.save(gc.Graph(), "net.graph.json")
    assert len(presets.resolve("mlp")) == 0
    assert len(presets.resolve(tmp_path / "net.graph.json")) == 0
    with pytest.raises(FileError, match=r"no file nope and no preset.*lenet5"):
        presets.resolve("nope")
    with pytest.raises(FileError, match="no file"):
        presets.resolve("nope.graph.json")
    with pytest.raises(FileError, match="no preset called"):
        presets.load("nope")
    (tmp_path / "xor").mkdir()
    assert len(presets.resolve("xor")) == len(presets.load("xor"))


def test_a_loaded_preset_is_a_fresh_graph() -> None:
    presets.load("mlp").remove("loss")
    assert "loss" in presets.load("mlp")
