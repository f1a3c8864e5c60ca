"""Modules that are exported here: in the caller's process, and from a file that is run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import graphcore as gc
from graphcore.cli.main import main
from graphcore.errors import ExportError, FileError
from graphcore.exchange import guessing, inputs, python, runner

SOURCE = """
import torch
from torch import nn
print("a line of the file")

class Part(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(32, width)
    def forward(self, x):
        return self.fc(x)

class Net(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.part = Part(classes)
    def forward(self, x):
        x = self.pool(self.pool(self.conv(x).relu()))
        return self.part(x.flatten(1))
"""


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x).tanh()


def test_a_live_module_opens_with_the_modules_own_numbers() -> None:
    module = Small().double()
    net = gc.from_module(module, torch.ones(1, 3, dtype=torch.float64))
    assert net.report.max_error is not None
    assert net.report.max_error <= 1e-12
    assert net.report.max_gradient_error is not None
    assert net.report.max_gradient_error <= 1e-9
    assert module.training
    plan = net.compile(mode="train")
    assert plan.dtype == torch.float64
    x = torch.rand(5, 3, dtype=torch.float64)
    plan.forward({"x": x})
    assert plan.value(net.outputs[0]).allclose(module(x))


def test_with_a_loss_the_net_ends_in_it_and_trains() -> None:
    module = Small()
    x, y = torch.rand(4, 3), torch.tensor([0, 1, 1, 0])
    net = gc.from_module(module, (x, y), loss=nn.functional.cross_entropy)
    assert net.inputs == ("x", "target")
    assert net.graph.node("target").operator == "Target"
    assert net.graph.node(net.outputs[0]).operator == "CrossEntropyLoss"
    assert set(net.report.names) == {"fc.weight", "fc.bias"}
    plan = net.compile()
    plan.forward({"x": x, "target": y})
    wanted = nn.functional.cross_entropy(module(x), y)
    assert float(plan.value(net.outputs[0])) == pytest.approx(wanted.item(), rel=1e-6)
    wanted.backward()
    plan.backward(net.outputs[0])
    g, reference = plan.grad("fc.weight"), module.fc.weight.grad
    assert g is not None
    assert reference is not None
    assert g.allclose(reference, atol=1e-7)


def test_what_torch_does_not_take_is_said_with_its_line() -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(ExportError, match=r"Branch cannot be exported: .*test_live_modules"):
        gc.from_module(Branch(), torch.ones(2, 3))
    with pytest.raises(ExportError, match="no tensor"):
        gc.from_module(Small(), 3)


# -- files ----------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own_net.py"
    path.write_text(SOURCE)
    return path


def request(path: Path, **more: Any) -> dict[str, Any]:
    return {"path": str(path), "name": path.name, "class_name": None, "tensors": [], "inputs": [],
            **more}  # fmt: skip


def test_a_file_is_run_and_its_shape_is_guessed_from_the_first_layer(
    file: Path, tmp_path: Path
) -> None:
    answer = runner.export(request(file), tmp_path)
    assert answer["class"] == "Net"
    assert answer["guessed"] == "2x16x16"
    net = gc.open_net(tmp_path / "net.pt2")
    assert net.graph.node("part").attributes["title"] == "Part"
    assert net.report.parameters == 2 * 2 * 9 + 2 + 32 * 3 + 3


def test_a_class_may_be_given_with_its_arguments(file: Path) -> None:
    loaded = runner.load(file)
    assert runner.module_of(loaded, "Net(7)", file.name).part.fc.out_features == 7
    assert runner.module_of(loaded, "Part(width=5)", file.name).fc.out_features == 5
    with pytest.raises(ExportError, match=r"no module called Other; it has: Part, Net"):
        runner.module_of(loaded, "Other", file.name)
    with pytest.raises(ExportError, match="Part cannot be made"):
        runner.module_of(loaded, "Part", file.name)
    with pytest.raises(ExportError, match="no class with plain arguments"):
        runner.module_of(loaded, "Net(print(1))", file.name)


def test_of_several_modules_one_is_to_be_chosen(file: Path) -> None:
    file.write_text(SOURCE + "\nclass Other(nn.Module):\n    pass\n")
    with pytest.raises(ExportError, match="several modules: choose one of Net, Other"):
        runner.module_of(runner.load(file), None, file.name)


def test_a_file_that_fails_says_where(file: Path) -> None:
    file.write_text(SOURCE + "\n1 / 0\n")
    with pytest.raises(ExportError, match=r"own_net\.py cannot be run: division by zero \(own_net"):
        runner.load(file)


def test_a_shape_is_guessed_from_what_the_net_can_take() -> None:
    for layers, shape in (
        ([nn.Linear(5, 2)], (5,)),
        ([nn.Embedding(4, 2), nn.Flatten(), nn.Linear(12, 2)], (6,)),
        ([nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1)], (3, 28, 28)),
        ([nn.Conv2d(1, 2, 5), nn.Flatten(), nn.Linear(2 * 33 * 33, 2)], (1, 37, 37)),
    ):
        assert guessing.guess(nn.Sequential(*layers)).shape == shape
    with pytest.raises(ExportError, match="give the shape of each"):
        guessing.guess(nn.Bilinear(2, 2, 2))


def test_inputs_are_typed_as_name_kind_and_shape() -> None:
    assert inputs.parse("1x28x28") == inputs.InputSpec("", "float32", (1, 28, 28))
    assert inputs.parse("tokens:int64:6") == inputs.InputSpec("tokens", "int64", (6,))
    assert inputs.parse("int64:6") == inputs.InputSpec("", "int64", (6,))
    assert inputs.parse("x:5") == inputs.InputSpec("x", "float32", (5,))
    for text in ("", "x:y:3", "0x2", "a b", "9999999999x2"):
        with pytest.raises(FileError):
            inputs.parse(text)
    assert math.isclose(float(inputs.filled(inputs.parse("2"), 1)[0, 1]), math.sin(0.37) + 1,
                        rel_tol=1e-6)  # fmt: skip


def test_a_file_that_finds_no_end_is_stopped(file: Path) -> None:
    file.write_text("while True: pass\n")
    with pytest.raises(ExportError, match=r"was stopped: it ran for more than 0\.5 s"):
        python.run_file(file, patience_s=0.5)


def test_without_run_nothing_of_a_file_is_run(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(SOURCE + f"\nopen({str(tmp_path / 'ran')!r}, 'w').close()\n")
    main(["import", str(file), "--out", str(tmp_path / "a.graph.json")])
    assert not (tmp_path / "ran").exists()
    assert main(["import", str(file), "--class", "Net"]) == 1
    assert "give --run, too" in capsys.readouterr().err


def test_the_command_leaves_graph_weights_and_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = Path(__file__).parent / "saved" / "tied.pt2"
    out = tmp_path / "net.graph.json"
    assert main(["import", str(saved), "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found == {
        "graph": str(out), "weights": str(tmp_path / "net.safetensors"), "nodes": 9,
        "parameters": 54, "aten": 0, "placeholders": 0, "max_error": None,
    }  # fmt: skip
    assert "tied.pt2" in (tmp_path / "net.import.json").read_text()
    graph = gc.load(out)
    plan = gc.compile(graph)
    from graphcore.files.weights import read_weights

    read_weights(tmp_path / "net.safetensors", plan)
    assert main(["import", str(saved), "--out", str(out)]) == 1
    assert "would be written over" in capsys.readouterr().err


def test_layers_that_write_into_their_input_are_those_that_do_not() -> None:
    kinds = [
        nn.Dropout(0.5, inplace=True), nn.ReLU6(inplace=True), nn.Hardswish(inplace=True),
        nn.ELU(inplace=True), nn.SiLU(inplace=True), nn.LeakyReLU(inplace=True),
    ]  # fmt: skip
    net = gc.from_module(nn.Sequential(nn.Linear(3, 4), *kinds), torch.rand(2, 3))
    assert not net.report.aten
    assert net.report.max_error is not None
    assert net.report.max_error <= 1e-6
    assert [n.operator for n in net.graph][2:8] == [type(k).__name__ for k in kinds]


def test_layers_of_images_volumes_and_attention_are_never_aten() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.image = nn.Sequential(
                nn.Conv2d(2, 4, 3, padding="same"), nn.MaxPool2d(3, 2, ceil_mode=True),
                nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.InstanceNorm2d(4),
                nn.PixelShuffle(2),
            )  # fmt: skip
            self.volume = nn.Sequential(nn.Conv3d(1, 2, 2), nn.BatchNorm3d(2), nn.AvgPool3d(2))
            self.heads = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: Tensor, v: Tensor, s: Tensor) -> tuple[Tensor, ...]:
            return self.image(x), self.volume(v), self.heads(s, s, s, need_weights=False)[0]

    example = torch.rand(2, 2, 6, 6), torch.rand(2, 1, 4, 4, 4), torch.rand(2, 3, 4)
    net = gc.from_module(Mixed(), example)
    assert not net.report.aten
    assert net.report.max_error is not None
    assert net.report.max_error <= 1e-5
    assert net.report.max_gradient_error is not None
    assert net.report.max_gradient_error <= 1e-5
