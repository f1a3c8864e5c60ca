"""The PyTorch script: every operator's cases and every preset compute the same in plain torch."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import graphcore as gc
from graphcore import datasets, presets
from graphcore.cli import main as cli
from graphcore.errors import ExportError
from graphcore.files.torch import export as torch_export
from graphcore.files.torch import script as torch_script
from graphcore.graph.binding import learns
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.shapes import ShapeInference
from graphcore.training.trainer import Trainer
from tests.graphcore.graph.test_composites import grouped
from tests.graphcore.ops.oracle import Trial, label, trials

TRIALS = [t for t in trials() if not t.case.training and all(x.numel() for x in t.inputs)]


def module(path: Path):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def graph_of(trial: Trial, batch: bool) -> tuple[gc.Graph, dict[str, torch.Tensor]]:
    """An operator alone, its inputs fed; ``batch`` makes their first axis the batch."""
    graph, feeds = gc.Graph(), {}
    shapes = trial.case.shapes
    node = graph.add(trial.op.name, name="node", **trial.case.attributes)
    names = trial.op.inputs if not trial.op.variadic else [f"x{i}" for i in range(len(shapes))]
    for name, shape, x in zip(names, shapes, trial.inputs, strict=False):
        if name == "target":
            source = graph.add("Target", name=f"fed_{name}")
        else:
            whole = "float" if x.is_floating_point() else "int"
            source = graph.add(
                "Input", name=f"fed_{name}", shape=shape[1:] if batch else shape, batch=batch,
                dtype=whole,
            )  # fmt: skip
        graph.connect(source, node, input=name)
        feeds[source.name] = x
    return graph, feeds


@pytest.mark.parametrize("trial", TRIALS, ids=label)
def test_every_operator_is_the_same_in_plain_torch(trial: Trial, tmp_path, capsys) -> None:
    shapes = trial.case.shapes
    batch = len({s[:1] for s in shapes}) == 1 and bool(shapes[0])
    graph, feeds = graph_of(trial, batch)
    if batch and ShapeInference(graph).problems:
        graph, feeds = graph_of(trial, batch=False)
    plan = gc.compile(graph, dtype="float64")
    for i, name in enumerate(plan.parameters):
        plan.parameters[name].copy_(trial.inputs[len(trial.case.shapes) + i])
    made = torch_script.export(graph, plan, feeds, name="alone")
    assert module(torch_export.write(made, tmp_path, "alone")).self_test(), capsys.readouterr().out


@pytest.mark.parametrize("name", presets.small())
def test_every_preset_passes_its_own_test(name, tmp_path) -> None:
    path = write_preset(name, tmp_path)
    made = module(path)
    assert made.self_test()
    weights = made.load().state_dict()
    if not weights:
        return
    weights[next(iter(weights))].add_(0.5)
    made.load = lambda: changed
    changed = made.Net().to(next(iter(weights.values())).dtype)
    changed.load_state_dict(weights)
    assert not made.self_test()


def write_preset(name: str, folder: Path) -> Path:
    graph, short = presets.load(name), torch_export.module_name(name)
    if not learns(graph):
        made = torch_export.of_calculation(graph, torch_export.calculation(graph), short)
        return torch_export.write(made, folder, short)
    s = graph.training
    options = {**s.dataset_options}
    data = datasets.load(s.dataset, options=options, normalization=s.normalization, seed=s.seed)
    return torch_export.write(torch_export.of_run(Trainer(graph, data), short), folder, short)


def test_a_script_that_prepares_raw_samples_otherwise_fails_its_own_test(tmp_path) -> None:
    made = module(write_preset("circle", tmp_path))
    assert made.raw_test()
    assert made.predict([[0.0, 0.0]])[0]["answer"] in made.CLASSES
    made.SHIFT = 0.5
    assert not made.raw_test()
    made.SHIFT, made.CLASSES = 0.0, made.CLASSES[::-1]
    assert not made.raw_test()


@pytest.mark.parametrize("name", ["xor", "gan-2d"])
def test_the_script_runs_without_gradscape(name, tmp_path) -> None:
    path = write_preset(name, tmp_path)
    lines = path.read_text()
    assert "graphcore" not in lines
    run = subprocess.run(
        [sys.executable, "-I", str(path)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "the same" in run.stdout


def test_names_that_python_or_torch_have_taken_are_changed(tmp_path) -> None:
    graph = gc.Graph()
    last = graph.add("Input", name="lambda", shape=(3,))
    for name in ("forward", "self", "torch", "training", "loss"):
        node = graph.add("Linear", name=name, out_features=3)
        graph.connect(last, node)
        last = node
    plan = gc.compile(graph)
    made = torch_script.export(graph, plan, {"lambda": torch.ones(2, 3)}, name="names")
    assert module(torch_export.write(made, tmp_path, "names")).self_test()


def test_weights_inside_composites_find_their_place(tmp_path) -> None:
    graph = parse_layers("4-5-relu-3")
    inside = [n.name for n in graph if n.operator in ("Linear", "ReLU")][:2]
    graph = grouped(graph, *inside)
    plan = gc.compile(graph)
    feeds = {n.name: torch.ones(2, 4) if n.operator == "Input" else torch.zeros(2).long()
             for n in graph if n.operator in ("Input", "Target")}  # fmt: skip
    made = torch_script.export(graph, plan, feeds, name="inside")
    assert {n for n in made.weights if n.startswith("block_")}
    assert module(torch_export.write(made, tmp_path, "inside")).self_test()


def test_what_cannot_be_exported_is_named() -> None:
    graph = gc.Graph()
    x, w = graph.add("Input", name="x", shape=(3,)), graph.add("Parameter", name="w", shape=(2, 3))
    twice, layer = graph.add("Neg", name="twice"), graph.add("Linear", name="h", out_features=2)
    graph.connect(w, twice)
    graph.connect(x, layer)
    graph.connect(twice, layer, input="weight")
    with pytest.raises(ExportError, match=r"^h: its weight is computed by twice, .*nothing"):
        torch_script.export(graph, gc.compile(graph), {"x": torch.ones(1, 3)}, name="net")


@pytest.mark.parametrize(
    ("text", "name"), [("lenet5", "lenet5"), ("gan-2d", "gan_2d"), ("2 nets", "net_2_nets"),
                       ("…", "net")]
)  # fmt: skip
def test_scripts_have_names_that_python_can_import(text, name) -> None:
    assert torch_export.module_name(text) == name


def test_export_from_the_command_line(tmp_path, capsys) -> None:
    run, out = tmp_path / "run", tmp_path / "torch"
    assert cli.main(["train", "circle", "--epochs", "1", "--out", str(run)]) == 0
    assert cli.main(["export", str(run), "--to", "torch", "--out", str(out)]) == 0
    made = module(out / "run.py")
    assert made.self_test()
    trained = load_file(run / "weights.safetensors")
    weights = made.load().state_dict()
    assert trained
    assert all(torch.equal(weights[name], tensor) for name, tensor in trained.items())
    assert cli.main(["export", "micrograd", "--out", str(out), "--json"]) == 0
    assert module(out / "micrograd.py").self_test()
    (tmp_path / "file").write_text("")
    capsys.readouterr()
    assert cli.main(["export", "micrograd", "--out", str(tmp_path / "file")]) == 1
    assert "cannot be made" in capsys.readouterr().err


def test_a_program_gives_the_same_numbers_and_comes_back(tmp_path, capsys) -> None:
    line = ["export", "circle", "--to", "pt2", "--out", str(tmp_path)]
    assert cli.main(line) == 0
    back = gc.open_net(tmp_path / "circle.pt2")
    data = gc.load_dataset("circle")
    plan = back.compile()
    plan.forward({back.inputs[0]: data.test.inputs[:5]})
    trainer = Trainer(presets.load("circle"), data)
    wanted = gc.activations(trainer, data.test.inputs[:5], trainer.binding.output)
    assert torch.allclose(plan.value(back.outputs[0]), torch.from_numpy(wanted), atol=1e-5)
    capsys.readouterr()
    assert cli.main(line) == 0  # its own file is replaced
    test = [sys.executable, str(tmp_path / "circle_pt2_selftest.py")]
    done = subprocess.run(test, capture_output=True, text=True, check=False)
    assert (done.returncode, "answer" in done.stdout) == (0, True), done.stderr
    kept = dict(np.load(tmp_path / "circle.pt2.npz"))
    np.savez(tmp_path / "circle.pt2.npz", **{**kept, "out:answer": kept["out:answer"] + 1})
    assert subprocess.run(test, capture_output=True, check=False).returncode == 1
    assert (tmp_path / "circle.data.json").is_file()
    (tmp_path / "circle.pt2").write_bytes(b"else")
    assert cli.main(line) == 1
    assert "would be written over" in capsys.readouterr().err
