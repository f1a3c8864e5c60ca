"""Modules as people write them come out as torch computes them, or are refused by name.

Each module is run by torch itself; what was opened has to hold as many numbers and, with the same
weights, give the same answers.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import graphcore as gc
from graphcore.errors import FileError
from graphcore.files.torch.source import read_net
from tests.graphcore.files.fitting import fit_weights

HEAD = """
import math
from collections import OrderedDict
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
"""


def module(init: str, forward: str, head: str = "", takes: str = "x") -> str:
    """The source of a module, of the bodies of its two methods."""

    def inside(text: str) -> str:
        return textwrap.indent(textwrap.dedent(text).strip(), " " * 8)

    return f"""{HEAD}{textwrap.dedent(head)}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
{inside(init) or "        pass"}

    def forward(self, {takes}):
{inside(forward)}
"""


def torch_of(source: str) -> torch.nn.Module:
    """The module as Python makes it, with weights that say nothing is mixed up."""
    names: dict[str, Any] = {}
    exec(source, names)
    torch.manual_seed(0)
    net: torch.nn.Module = names["Net"]()
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.1)
    return net.eval()


def flat(answer: Any) -> list[torch.Tensor]:
    """All tensors of what a module returns."""
    if isinstance(answer, torch.Tensor):
        return [answer]
    parts = answer.values() if isinstance(answer, dict) else answer
    return [tensor for part in parts for tensor in flat(part)]


def check(
    source: str, state: dict[str, torch.Tensor], count: int, feeds: dict[str, torch.Tensor],
    wanted: list[tuple[torch.Tensor, tuple[int, ...]]],
) -> None:  # fmt: skip
    """Open a source and hold its numbers against torch's; raises FileError if it is refused.

    ``wanted`` are the first numbers of each answer, and its shape.
    """
    graph = read_net(source).graph
    inputs = [node for node in graph if node.operator == "Input"]
    for node in inputs:
        batch = node.attributes["batch"]
        shape = tuple(feeds[node.name].shape)
        graph.set_attributes(node, shape=shape[1:] if batch else shape)
    plan = gc.compile(graph)
    assert sum(p.numel() for p in plan.parameters.values()) == count
    fit = fit_weights(plan, state)
    assert not fit.by_shape
    plan.forward({node.name: feeds[node.name] for node in inputs})
    for tensor, shape in wanted:
        ports = [(n.name, o) for n in graph for o in n.outputs]
        values = [plan.value(node, output) for node, output in ports]
        assert any(agree(v, tensor, shape) for v in values), f"no node has {tensor}"
    if len(wanted) == 1:
        ends = [n.name for n in graph if not graph.edges_from(n)]
        assert len(ends) == 1


def agree(value: torch.Tensor, first: torch.Tensor, shape: tuple[int, ...]) -> bool:
    numbers = value.reshape(-1)[: first.numel()].to(first.dtype)
    return tuple(value.shape) == shape and torch.allclose(numbers, first.reshape(-1), 1e-4, 1e-5)


def compare(source: str, *inputs: torch.Tensor) -> None:
    net = torch_of(source)
    with torch.no_grad():
        # in-place layers may change what they are given
        wanted = flat(net(*(x.clone() for x in inputs)))
    count = sum(p.numel() for p in net.parameters())
    names = re.search(r"forward\(self, ?(.*?)\)", source[source.rindex("class Net") :])
    given = [n.split("=")[0].split(":")[0].strip() for n in names[1].split(",")] if names else []
    feeds = dict(zip(given or ["x"], inputs, strict=False))
    check(source, dict(net.state_dict()), count, feeds, [(t, tuple(t.shape)) for t in wanted])


def rows(*shape: int) -> torch.Tensor:
    return torch.sin(torch.arange(int(torch.tensor(shape).prod())) * 0.37).reshape(shape)


PICTURE, ROW, SEQUENCE, SIX = rows(2, 1, 8, 8), rows(3, 4), rows(2, 5, 3), rows(2, 6)
FC = "self.fc = nn.Linear(4, 4)"
OPENS: dict[str, tuple[str, tuple[torch.Tensor, ...]]] = {
    "ordered dict": (module("""
        self.body = nn.Sequential(OrderedDict([
            ("one", nn.Linear(4, 3)), ("act", nn.Tanh()), ("two", nn.Linear(3, 2))]))
        """, "return self.body(x)"), (ROW,)),
    "star layers": (module("""
        layers = []
        for a, b in ((4, 6), (6, 5)):
            layers += [nn.Linear(a, b), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Linear(5, 2))
        """, "return self.body(x)"), (ROW,)),
    "add_module": (module("""
        self.body = nn.Sequential()
        self.body.add_module("fc", nn.Linear(4, 2))
        self.add_module("last", nn.Linear(2, 3))
        """, "return self.last(self.body(x))"), (ROW,)),
    "shared relu and pool": (module("""
        self.a, self.b = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 3, 1)
        self.act, self.pool = nn.ReLU(), nn.MaxPool2d(2)
        """, "return self.pool(self.act(self.b(self.pool(self.act(self.a(x))))))"), (PICTURE,)),
    "in place on an alias": (module(FC + "\nself.act = nn.ReLU(inplace=True)", """
        x = self.fc(x)
        before = x
        y = self.act(x)
        return before + y
        """), (ROW,)),
    "augmented on an alias": (module("self.fc = nn.Linear(4, 4)", """
        x = self.fc(x)
        before = x
        x += 1
        return before * x
        """), (ROW,)),
    "augmented on another": (module("self.fc = nn.Linear(4, 4)", """
        y = self.fc(x)
        y += x
        return y
        """), (ROW,)),
    "frozen": (module("""
        self.fc, self.out = nn.Linear(4, 4), nn.Linear(4, 2)
        self.gain = nn.Parameter(torch.ones(2), requires_grad=False)
        for p in self.fc.parameters():
            p.requires_grad = False
        self.out.bias.requires_grad_(False)
        """, "return self.out(self.fc(x)) * self.gain"), (ROW,)),
    "constants and defaults": (module("""
        self.fc = nn.Linear(WIDTH, 2 * 3)
        self.out = block(6, act=nn.Tanh)
        """, "return self.out(self.fc(x))", head="""
        WIDTH = 4
        def block(n, m=3, act=nn.ReLU):
            return nn.Sequential(nn.Linear(n, m), act())
        """), (ROW,)),
    "own modules, if and for": (module("""
        self.blocks = nn.ModuleList([Block(4, 4), Block(4, 3)])
        """, """
        for block in self.blocks:
            x = block(x)
        return x
        """, head="""
        class Block(nn.Module):
            def __init__(self, a, b):
                super().__init__()
                self.fc = nn.Linear(a, b)
                self.skip = nn.Linear(a, b, bias=False) if a != b else None
            def forward(self, x):
                y = F.relu(self.fc(x))
                if self.skip is not None:
                    return y + self.skip(x)
                else:
                    return y + x
        """), (ROW,)),
    "subclass of Sequential": (module("self.b = Block(1, 2)", "return self.b(x).mean(dim=(2, 3))",
        head="""
        class Block(nn.Sequential):
            def __init__(self, a, b):
                super().__init__(nn.Conv2d(a, b, 3), nn.BatchNorm2d(b), nn.ReLU(inplace=True))
        """), (PICTURE,)),
    "subclass of an own class": (module("self.b = Wide(4)", "return self.b(x)", head="""
        class Base(nn.Module):
            def __init__(self, n, m=2):
                super().__init__()
                self.fc = nn.Linear(n, m)
            def forward(self, x):
                return self.fc(x)
        class Wide(Base):
            def __init__(self, n):
                super().__init__(n, m=7)
            def forward(self, x):
                return super().forward(x).relu()
        """), (ROW,)),
    "mask is none": (module("self.fc = nn.Linear(4, 2)", """
        y = self.fc(x)
        if mask is not None:
            y = y * mask
        return y
        """, takes="x, mask=None"), (ROW,)),
    "two inputs": (module("self.fc = nn.Linear(4, 2)", "return self.fc(x) - self.fc.forward",
        takes="x, z").replace("self.fc.forward", "F.relu(z)"), (ROW, rows(3, 2))),
    "recurrent": (module("self.gru, self.fc = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)", """
        out, h = self.gru(x)
        return self.fc(out[:, -1]) + self.fc2(h[-1]) + self.fc3(h.squeeze(0))
        """).replace("nn.Linear(4, 2)", "nn.Linear(4, 2)\n        self.fc2, self.fc3 = "
                     "nn.Linear(4, 2), nn.Linear(4, 2)"), (SEQUENCE,)),
    "columns of indices": (module("""
        self.tables = nn.ModuleList([nn.Embedding(6, 2), nn.Embedding(5, 3)])
        """, """
        found = []
        for i, table in enumerate(self.tables):
            found.append(table(x[:, i]))
        return torch.cat(found, 1)
        """), (torch.tensor([[1, 2], [5, 4]]),)),
    "both ways": (module("self.g = nn.GRU(3, 4, batch_first=True, bidirectional=True)", """
        y, h = self.g(x)
        return torch.cat((h[-1], h[0], y[:, -1]), 1)
        """), (torch.randn(2, 5, 3),)),
    "layers of states": (module("""
        self.lstm = nn.LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.2, bidirectional=True)
        """, """
        h0 = torch.zeros(4, x.size(0), 4).to(x.device)
        y, (h, c) = self.lstm(x, (h0, torch.zeros(4, x.shape[0], 4, device=x.device)))
        return torch.cat([h[0], h[1], h[-1], c[2]], dim=1) + y[:, 0].sum(1, keepdim=True)
        """), (torch.randn(2, 5, 3),)),
    "from state to state": (module("""
        self.a = nn.LSTM(3, 4, 2, batch_first=True)
        self.b = nn.LSTM(3, 4, 2, batch_first=True)
        """, """
        _, state = self.a(x)
        return self.b(x, state)[0]
        """), (torch.randn(2, 5, 3),)),
    "lstm states": (module("self.lstm = nn.LSTM(3, 4, 1, True, True)", """
        out, (h, c) = self.lstm(x)
        return h[0] * c[-1]
        """), (SEQUENCE,)),
    "rnn with relu": (module("self.rnn = nn.RNN(3, 4, 1, 'relu', batch_first=True)",
        "return self.rnn(x)[0]"), (SEQUENCE,)),
    "clamp one bound": (module("self.fc = nn.Linear(4, 4)",
        "return self.fc(x - 1).clamp(min=0) + (x - 1).clamp(max=0.2) + x.clamp(-0.5, 3)"), (ROW,)),
    "flatten everything": (module("self.fc = nn.Linear(4, 2)", "return torch.flatten(self.fc(x))"),
        (ROW,)),
    "flatten from 0 of torch": (module("self.fc = nn.Linear(4, 2)",
        "return self.fc(x.flatten(1).flatten(start_dim=1, end_dim=-1))"), (ROW,)),
    "view with sizes": (module("self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(72, 2)", """
        n = x.size(0)
        x = self.conv(x)
        return self.fc(x.view(n, -1)) + self.fc2(x.reshape(len(x), 2 * 6 * 6))
        """).replace("nn.Linear(72, 2)", "nn.Linear(72, 2)\n        self.fc2 = nn.Linear(72, 2)"),
        (PICTURE,)),
    "another side": (module("self.conv, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(72, 2)",
        "return self.fc(torch.flatten(self.conv(x), 1))"), (PICTURE,)),
    "max with places": (module("", "v, _ = x.max(dim=1)\nreturn v + x.max(1)[0] + x.max()"),
        (ROW,)),
    "a border that does not count": (module("self.conv = nn.Conv2d(1, 2, 3)",
        "return F.avg_pool2d(self.conv(x), 2, padding=1, count_include_pad=False)"), (PICTURE,)),
    "windows over the edge": (module("self.conv, self.p = nn.Conv2d(1, 2, 3), "
        "nn.MaxPool2d(3, 2, 0, 1, False, True)", "return self.p(self.conv(x))"), (PICTURE,)),
    "windows with gaps": (module("self.conv = nn.Conv2d(1, 2, 3)",
        "return F.max_pool2d(self.conv(x), 2, 2, 0, 2)"), (PICTURE,)),
    "mish": (module("self.b = nn.Sequential(nn.Linear(4, 4), nn.Mish())", "return self.b(x)"),
        (ROW,)),
    "attention": (module("self.a = nn.MultiheadAttention(6, 2, batch_first=True)", """
        y, _ = self.a(x, x, x, need_weights=False)
        return y
        """), (rows(2, 5, 6),)),
    "slices": (module("", "return x[:, 1:4:2, None] + x[:, -1:, None] - x[..., :1].unsqueeze(2)"),
        (rows(3, 6),)),
    "kl with torch's default": (module("self.d = nn.KLDivLoss()",
        "return self.d(F.log_softmax(x, dim=1), torch.softmax(z, dim=1))", takes="x, z"),
        (ROW, rows(3, 4) * 2)),
    "dataclass": (module("self.fc = nn.Linear(cfg.a, cfg.b, bias=cfg.bias)", "return self.fc(x)",
        head="""
        @dataclass
        class Config:
            a: int = 4
            b: int = 5
            bias: bool = False
        """).replace("__init__(self)", "__init__(self, cfg=Config())", 1), (ROW,)),
    "answers in a dict": (module("self.fc, self.out = nn.Linear(4, 3), nn.Linear(3, 2)", """
        h = self.fc(x).tanh()
        return {"hidden": h, "logits": self.out(h)}
        """), (ROW,)),
    "upsampling": (module("self.c = nn.Conv2d(1, 2, 3, padding=1)",
        "return F.interpolate(F.avg_pool2d(self.c(x), 2), scale_factor=2, mode='nearest')"),
        (PICTURE,)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("name", OPENS)
def test_what_is_opened_is_what_torch_computes(name: str) -> None:
    source, inputs = OPENS[name]
    compare(source, *inputs)


def test_what_is_frozen_stays_frozen() -> None:
    graph = read_net(OPENS["frozen"][0]).graph
    assert graph.node("fc").frozen == {"weight", "bias"}
    assert graph.node("out").frozen == {"bias"}
    assert graph.node("gain").frozen == {"value"}


REFUSED: dict[str, tuple[str, str]] = {
    "no batch_first": (module("self.g = nn.GRU(3, 4)", "return self.g(x)[0]"), "batch_first"),
    "a state of one's own": (module(
        "self.g, self.h = nn.GRU(3, 4, batch_first=True), nn.Parameter(torch.randn(1, 2, 4))",
        "return self.g(x, self.h)[0]"), "starts from"),
    "a state of fewer layers": (module("""
        self.a = nn.GRU(3, 4, batch_first=True)
        self.b = nn.GRU(3, 4, 2, batch_first=True)
        """, "return self.b(x, self.a(x)[1])[0]"), "starts from"),
    "indices that are computed": (module("self.e = nn.Embedding(6, 2)", "return self.e(x * 2)"),
        "indices that are computed"),
    "a recurrent layer twice": (module("self.g = nn.GRU(3, 3, batch_first=True)",
        "return self.g(self.g(x)[0])[0]"), "used twice"),
    "the whole state": (module("self.g = nn.GRU(3, 4, batch_first=True)",
        "return self.g(x)[1] * 2"), r"h\[-1\]"),
    "affine": (module("self.n = nn.BatchNorm2d(1, affine=False)", "return self.n(x)"), "affine"),
    "no running": (module("self.n = nn.BatchNorm2d(1, track_running_stats=False)",
        "return self.n(x)"), "track_running_stats"),
    "alpha": (module(FC, "return torch.add(self.fc(x), x, alpha=0)"), "alpha=0"),
    "squeeze everything": (module(FC, "return self.fc(x).squeeze()"), "missing a required"),
    "softmax without axis": (module(FC, "return F.softmax(self.fc(x))"), "dim"),
    "dropout at all times": (module(FC, "return F.dropout(self.fc(x))"), "self.training"),
    "subclass of a layer": (module("self.fc = Doubled(4, 4)", "return self.fc(x)", head="""
        class Doubled(nn.Linear):
            def forward(self, x):
                return 2 * super().forward(x)
        """), "derives from torch.nn.Linear"),
    "a condition on the input": (module(FC, """
        if x.shape[0] > 2:
            x = x * 2
        return self.fc(x)
        """), "only when the net runs"),
    "training only": (module(FC, """
        if self.training:
            x = x + 1
        return self.fc(x)
        """), "only when the net runs"),
    "an own layer in Sequential": (module("self.b = nn.Sequential(Odd(), nn.Linear(4, 2))",
        "return self.b(x)", head="""
        class Odd(nn.Module):
            def forward(self, x):
                return torch.fft.fft(x).real
        """), "torch.fft.fft"),
    "a variable in Sequential": (module("self.b = nn.Sequential(nn.Linear(4, 4), act)",
        "return self.b(x)", head="act = make()\ndef make(): return nn.ReLU()"), "act is made by"),
    "an unknown layer": (module("self.b = nn.Sequential(nn.Linear(4, 4), nn.RReLU())",
        "return self.b(x)"), "the layer RReLU"),
    "unused layer": (module(FC + "\nself.aux = nn.Linear(4, 2)", "return self.fc(x)"),
        "self.aux is made and never used"),
    "used twice": (module(FC, "return self.fc(self.fc(x))"), "used twice"),
    "weights tied": (module(FC + "\nself.b = nn.Linear(4, 4)\nself.b.weight = self.fc.weight",
        "return self.b(self.fc(x))"), "self.b.weight"),
    "layers in a plain list": (module("self.l = [nn.Linear(4, 4)]", "return self.l[0](x)"),
        "no module holds"),
    "a layer made in forward": (module("", "return nn.Linear(4, 4)(x)"), "no module holds"),
    "cross attention": (module("self.a = nn.MultiheadAttention(6, 2, batch_first=True)",
        "return self.a(x, z, z)[0]", takes="x, z"), "same tensor"),
    "attention with a mask": (module("self.a = nn.MultiheadAttention(6, 2, batch_first=True)",
        "return self.a(x, x, x, attn_mask=torch.ones(5, 5))[0]"), "attn_mask"),
    "a view changed in place": (module(FC, """
        y = self.fc(x).view(-1, 2, 2)
        y += 1
        return y
        """), "in place"),
    "places of the largest": (module(FC, "return self.fc(x).max(1)[1]"), "no places"),
    "nothing to show": (module(FC, "y = self.fc(x)"), "None|nothing|where a tensor"),
    "chunks": (module(FC, "a, b = self.fc(x).split(2, dim=1)\nreturn a * b"), "each part"),
    "an own softmax": (module(FC, "return softmax(self.fc(x))", head="""
        def softmax(x):
            return torch.fft.fft(x).real
        """), "torch.fft.fft"),
    "initialised": (module(FC + "\nnn.init.zeros_(self.fc.weight)", "return self.fc(x)"),
        "torch.nn.init.zeros_"),
    "a value the source does not say": (module(FC, "return self.fc(x)").replace(
        "__init__(self)", "__init__(self, width)"), "takes width"),
    "sizes that never fit": (module("self.c, self.fc = nn.Conv2d(1, 2, 3), nn.Linear(71, 2)",
        "return self.fc(self.c(x).flatten(1))"), "in_features=71"),
    "too much to work out": (module("self.n = 9 ** 9 ** 9\n" + FC, "return self.fc(x)"),
        "too large"),
    "without an end": (module("for i in range(10 ** 9): pass\n" + FC, "return self.fc(x)"),
        "too many"),
    "functions of layers": (module(FC, "return F.layer_norm(self.fc(x), (4,))"), "layer_norm"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_come_out_wrong_is_refused_by_name(name: str) -> None:
    source, word = REFUSED[name]
    with pytest.raises(FileError, match=word) as refused:
        read_net(source)
    said = str(refused.value)
    assert len(said.splitlines()) == 1
    assert len(said) <= 300
    assert " object at 0x" not in said
    assert said.startswith(("Line ", "No shape of "))


FOLDER = Path(os.environ.get("GRADSCAPE_MODULES", "no-such-folder"))


@pytest.mark.skipif(not FOLDER.is_dir(), reason="$GRADSCAPE_MODULES names no folder of modules")
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_folder_of_modules_with_their_answers(path: Path) -> None:
    """Beside each NAME.py lie NAME.safetensors and NAME.expected.json."""
    known = json.loads(path.with_suffix(".expected.json").read_text())

    def answers(entry: Any) -> list[tuple[torch.Tensor, tuple[int, ...]]]:
        if isinstance(entry, dict) and "values" in entry:
            return [(torch.tensor(entry["values"]), tuple(entry["shape"]))]
        return [a for e in (entry.values() if isinstance(entry, dict) else entry)
                for a in answers(e)]  # fmt: skip

    feeds = {
        name: torch.tensor(entry["values"]).reshape(entry["shape"])
        for name, entry in known["inputs"].items()
    }
    state = load_file(path.with_suffix(".safetensors"))
    try:
        check(path.read_text(), state, known["parameters"], feeds, answers(known["output"]))
    except FileError as refused:
        pytest.skip(f"refused: {refused}")
