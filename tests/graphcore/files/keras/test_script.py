"""Scripts for Keras: every operator that it has and every preset compute the same there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("keras")

import graphcore as gc
from graphcore import datasets, ops, presets
from graphcore.cli import main as cli
from graphcore.errors import ExportError
from graphcore.files.keras import export as keras_export
from graphcore.files.keras import script as keras_script
from graphcore.files.torch import export as torch_export
from graphcore.graph.binding import learns
from graphcore.graph.shapes import ShapeInference
from graphcore.training.trainer import Trainer
from tests.graphcore.files.torch.test_script import TRIALS, graph_of, module
from tests.graphcore.ops.oracle import Trial, label

pytestmark = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # keras on torch

NOT_IN_KERAS = {
    "Aten", "Buffer", "Composite", "ConvTranspose3d", "Expand", "Formula", "Hold", "Maxout",
    "PixelShuffle", "Placeholder", "RandomNormalLike",
}  # fmt: skip
"""Operators that are refused by name; losses judge a net and are no part of it."""
BATCHED = [
    t for t in TRIALS
    if t.op.keras and len({s[:1] for s in t.case.shapes}) == 1 and t.case.shapes[0]
    and all(map(bool, t.case.shapes))
]  # fmt: skip


def test_what_keras_has_not_is_listed() -> None:
    rest = {o.name for o in ops.all_operators() if not o.keras}
    known = {o.name for o in ops.all_operators() if o.category in ("loss", "source")}
    assert rest - known == NOT_IN_KERAS - {"Buffer"}


@pytest.mark.parametrize("trial", BATCHED, ids=label)
def test_every_operator_is_the_same_in_keras(trial: Trial, tmp_path: Path, capsys) -> None:
    graph, feeds = graph_of(trial, batch=True)
    if ShapeInference(graph).problems:
        return
    plan = gc.compile(graph, mode="inspect")
    for i, name in enumerate(plan.parameters):
        plan.parameters[name].copy_(trial.inputs[len(trial.case.shapes) + i])
    plan.forward(feeds)
    try:
        made = keras_script.export(graph, plan, name="alone")
    except ExportError as error:
        assert error.args[0].startswith("node: ")
        return
    assert module(keras_export.write(made, tmp_path, "alone")).self_test(), capsys.readouterr().out


def write_preset(name: str, folder: Path) -> Path:
    graph, short = presets.load(name), torch_export.module_name(name)
    if not learns(graph):
        made = keras_export.of_calculation(graph, torch_export.calculation(graph), short)
        return keras_export.write(made, folder, short)
    s = graph.training
    options = {**s.dataset_options}
    data = datasets.load(s.dataset, options=options, normalization=s.normalization, seed=s.seed)
    return keras_export.write(keras_export.of_run(Trainer(graph, data), short), folder, short)


@pytest.mark.parametrize("name", presets.small())
def test_every_preset_passes_its_own_test(name: str, tmp_path: Path) -> None:
    made = module(write_preset(name, tmp_path))
    assert made.self_test()
    assert not hasattr(made, "raw_test") or made.raw_test()
    net = made.load()
    if net.weights:
        net.weights[0].assign(net.weights[0] + 0.5)
        made.load = lambda: net
        assert not made.self_test()


def test_a_script_from_the_command_line_runs_without_gradscape(tmp_path: Path, capsys) -> None:
    run, out = tmp_path / "run", tmp_path / "keras"
    assert cli.main(["train", "circle", "--epochs", "1", "--out", str(run)]) == 0
    line = ["export", str(run), "--to", "keras", "--out", str(out)]
    assert cli.main(line) == 0
    path = out / "run.py"
    assert "graphcore" not in path.read_text()
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("off by") == 2
    capsys.readouterr()
    assert cli.main(line) == 0  # its own file is replaced
    path.write_text("else")
    assert cli.main(line) == 1
    assert "would be written over" in capsys.readouterr().err
    assert cli.main(["export", str(run), "--to", "torch", "--out", str(out)]) == 1


def test_a_net_stays_a_chain_and_is_trained_on(tmp_path: Path) -> None:
    made = module(write_preset("tiny-conv", tmp_path))
    text = (tmp_path / "tiny_conv.py").read_text()
    assert "keras.Sequential" in text
    assert "Permute" not in text
    net = made.load()
    before = net.weights[0].numpy().copy()
    net.compile("adam", "mse")
    net.fit(np.ones((4, 28, 28, 1)), np.ones((4, 10)), epochs=1, verbose=0)
    assert (net.weights[0].numpy() != before).any()


def test_images_turn_only_where_an_operator_needs_the_axes_of_the_graph(tmp_path: Path) -> None:
    graph = gc.Graph()
    x = graph.add("Input", name="x", shape=(2, 6, 4))
    conv = graph.add("Conv2d", name="conv", out_channels=3, kernel_size=3, padding=1)
    offset = graph.add("Parameter", name="offset", shape=(3, 1, 1))
    add, drop = graph.add("Add", name="add"), graph.add("Dropout", name="drop")
    flat, fc = graph.add("Flatten", name="flat"), graph.add("Linear", name="fc", out_features=2)
    rows = graph.add("Softmax", name="rows", dim=1)
    graph.connect(x, conv)
    graph.connect(conv, add, input="a")
    graph.connect(offset, add, input="b")
    for source, target in ((conv, drop), (drop, flat), (flat, fc), (add, rows)):
        graph.connect(source, target)
    plan = gc.compile(graph, mode="inspect")
    plan.forward({"x": np.random.default_rng(0).normal(size=(3, 2, 6, 4)).astype(np.float32)})
    made = keras_script.export(graph, plan, name="net")
    assert made.script.count("layers.Permute") == 1
    assert made.self_test["x"].shape == (3, 6, 4, 2)
    assert module(keras_export.write(made, tmp_path, "net")).self_test()


@pytest.mark.parametrize(
    ("operator", "attributes", "why"),
    [("Formula", {}, "node: Formula has no counterpart in Keras"),
     ("Sum", {"dim": None}, "node: its result"),
     ("Var", {"dim": 1}, "node: a variance with correction=1"),
     ("Permute", {"dims": (1, 0)}, "node: its result")],
)  # fmt: skip
def test_what_keras_has_not_is_refused_by_name(operator, attributes, why) -> None:
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(3,))
    graph.add(operator, name="node", **attributes)
    graph.connect("x", "node")
    plan = gc.compile(graph, mode="inspect")
    plan.forward({"x": np.ones((2, 3), np.float32)})
    with pytest.raises(ExportError, match=f"^{why}.*nothing was written"):
        keras_script.export(graph, plan, name="net")
