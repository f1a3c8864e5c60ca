"""PyTorch sources as graphs: what was exported comes back, and what others write is understood."""

import pytest
import torch

import graphcore as gc
from graphcore import datasets, presets
from graphcore.cli import main as cli
from graphcore.errors import FileError
from graphcore.files.torch import export as torch_export
from graphcore.files.torch.source import read_net
from graphcore.graph.binding import learns
from graphcore.training.trainer import Trainer
from tests.graphcore.files.fitting import fit_weights


def exported(name: str) -> torch_export.TorchExport:
    graph = presets.load(name)
    if not learns(graph):
        return torch_export.of_calculation(graph, torch_export.calculation(graph), "net")
    s = graph.training
    data = datasets.load(
        s.dataset, options=s.dataset_options, normalization=s.normalization, seed=s.seed
    )
    return torch_export.of_run(Trainer(graph, data), "net")


@pytest.mark.parametrize("name", presets.small())
def test_every_preset_comes_back_as_it_went(name) -> None:
    made, graph = exported(name), presets.load(name)
    back = read_net(made.script).graph
    assert sorted(n.operator for n in back) == sorted(n.operator for n in graph)
    assert len(back.edges) == len(graph.edges)
    assert back.training == graph.training
    plan = gc.compile(back, dtype="float32" if learns(graph) else "float64")
    fit_weights(plan, made.weights)
    feeds = {n.name: made.self_test[n.name] for n in back if n.operator in ("Input", "Target")}
    plan.forward(feeds)
    drawn = any(n.operator == "RandomNormalLike" for n in back)
    for key, wanted in made.self_test.items():
        if key.startswith("expected ") and not drawn:
            found = plan.value(key.removeprefix("expected "))
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


OWN = '''
import torch
from torch import nn
import torch.nn.functional as F

class Block(nn.Module):
    """Another one."""

class Net(nn.Module):
    """What somebody wrote."""

    def __init__(self, hidden=10):
        super(Net, self).__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, kernel_size=3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
            nn.MaxPool2d(2, 2),
        )
        self.conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.fc = nn.Linear(784, 10)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        x = self.features(x)
        y = F.leaky_relu(self.conv(x), 0.2)
        x = x + 0.5 * y * self.scale
        x = x.view(x.size(0), -1)
        x = F.dropout(x, 0.3, training=self.training)
        return F.log_softmax(self.fc(x), dim=1)
'''


def test_what_somebody_wrote_by_hand() -> None:
    source = OWN
    graph = read_net(source).graph
    assert [n.operator for n in graph if n.parameter_inputs] == [
        "Conv2d", "BatchNorm2d", "Conv2d", "Parameter", "Linear",
    ]  # fmt: skip
    by_operator = {n.operator: n for n in graph}
    assert by_operator["Input"].attributes["shape"] == (1, 28, 28)
    assert by_operator["LeakyReLU"].attributes["negative_slope"] == 0.2
    assert by_operator["Dropout"].attributes["p"] == 0.3
    assert by_operator["LogSoftmax"].attributes["dim"] == 1
    assert by_operator["Constant"].attributes["value"] == 0.5
    assert all(n.position is not None for n in graph)
    plan = gc.compile(graph)
    plan.forward({"x": torch.rand(2, 1, 28, 28)})
    last = next(n.name for n in graph if n.operator == "LogSoftmax")
    torch.testing.assert_close(plan.value(last).exp().sum(1), torch.ones(2))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("import torch\n", "import torch(\n", "is not Python"),
        ("nn.Module", "object", "no class with a forward"),
        ("x = self.features(x)", "while True: x = self.features(x)", "while is not"),
        ("x = self.features(x)", "x = open('/etc/passwd').read()", "open is not known"),
        ("x = self.features(x)", "x = self.conv(self.conv(x))", "used twice"),
        ("self.conv(x)", "self.other(x)", "self.other is not made"),
        ("0.2)", "x.size(1))", "not written out"),
        ("padding=1, bias=False", "padding_mode='reflect'", "padding_mode"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_its_line(old, new, said) -> None:
    source = OWN.replace(old, new, 1)
    if old == "nn.Module":
        source = source.replace("nn.Module", "object")
    with pytest.raises(FileError, match=said) as error:
        read_net(source)
    assert len(str(error.value).splitlines()) == 1


def test_from_the_command_line(tmp_path, capsys) -> None:
    (tmp_path / "net.py").write_text(OWN)
    assert cli.main(["import", str(tmp_path / "net.py")]) == 0
    assert "Conv2d" in (tmp_path / "net.graph.json").read_text()
    (tmp_path / "bad.py").write_text("x = 1\n")
    assert cli.main(["import", str(tmp_path / "bad.py")]) == 1
    assert cli.main(["import", str(tmp_path / "gone.py")]) == 1
    assert not (tmp_path / "bad.graph.json").exists()
