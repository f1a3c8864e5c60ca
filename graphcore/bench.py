"""The engine beside what its users would write by hand, measured in one run.

Each net is trained by our ``Trainer``, by a plain PyTorch loop over shuffled tensors, and by the
same loop over a DataLoader; the three take turns, so that a slow moment hits all alike, and
medians are compared. One thread, SGD with momentum.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import lazy_loader
import numpy as np

from graphcore.datasets import Dataset, Normalization, Split
from graphcore.graph import Graph
from graphcore.layer_list import parse_layers
from graphcore.settings import TrainingSettings
from graphcore.training import Trainer

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_loader.load("torch")

NETS: dict[str, tuple[str, tuple[int, ...]]] = {
    "784-16-16-10": ("784-16-relu-16-relu-10", (32, 128)),
    "784-128-64-10": ("784-128-relu-64-relu-10", (32, 128)),
    "lenet5": ("conv 6 5 | relu | pool 2 | conv 16 5 | relu | pool 2 | flatten "
               "| 120 | relu | 84 | relu | 10", (32, 128)),
}  # fmt: skip
SAMPLES = 8192
LR, MOMENTUM = 0.01, 0.9


def run(quick: bool = False) -> dict[str, Any]:
    """Measure every net and batch size.

    Returns:
        {"results": [...], "landscape": [...]}; times are microseconds per step, "times_eager"
        says how many times faster than the plain loop we are. ``floor_us`` is null: the kernels
        are not yet run apart from the engine.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows = [_measure(n, b, quick) for n, (_, sizes) in NETS.items() for b in sizes]
    finally:
        torch.set_num_threads(threads)
    return {"results": rows, "landscape": []}


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = [f"{'net':16}{'batch':>6}{'ours':>10}{'eager':>10}{'loader':>10}{'x eager':>9}"]
    for r in report["results"]:
        lines.append(
            f"{r['net']:16}{r['batch']:6}{r['ours_us']:8.0f}us{r['eager_us']:8.0f}us"
            f"{r['dataloader_us']:8.0f}us{r['times_eager']:9.2f}"
        )
    return "\n".join(lines)


def _measure(net: str, batch: int, quick: bool) -> dict[str, Any]:
    steps, rounds = (20, 3) if quick else (60, 9)
    loops = {
        "ours": _ours(parse_layers(NETS[net][0]), batch),
        "eager": _eager(net, batch, loader=False),
        "dataloader": _eager(net, batch, loader=True),
    }
    times: dict[str, list[float]] = {name: [] for name in loops}
    for step in loops.values():
        for _ in range(steps):
            step()
    for _ in range(rounds):
        for name, step in loops.items():
            begun = time.perf_counter()
            for _ in range(steps):
                step()
            times[name].append((time.perf_counter() - begun) / steps * 1e6)
    us = {name: statistics.median(values) for name, values in times.items()}
    return {
        "net": net, "batch": batch, "threads": 1, "ours_us": us["ours"], "eager_us": us["eager"],
        "dataloader_us": us["dataloader"], "floor_us": None,
        "times_eager": us["eager"] / us["ours"],
        "times_dataloader": us["dataloader"] / us["ours"], "of_floor": None,
    }  # fmt: skip


def _data() -> Dataset:
    rng = np.random.default_rng(0)
    images = rng.random((SAMPLES, 1, 28, 28), np.float32)
    split = Split(images, rng.integers(0, 10, SAMPLES))
    names = tuple(map(str, range(10)))
    plain = Normalization("none", np.zeros(()), np.ones(()))
    return Dataset("random", "classification", split, split, None, (1, 28, 28), names, plain)


def _ours(graph: Graph, batch: int) -> Callable[[], object]:
    settings = TrainingSettings(
        epochs=100_000, batch=batch, optimizer="SGD", optimizer_options={"momentum": MOMENTUM},
        lr=LR, schedule="constant",
    )  # fmt: skip
    return Trainer(graph, _data(), settings).train_step


def _eager(net: str, batch: int, loader: bool) -> Callable[[], object]:
    """A loop as people write it."""
    model = _model(net)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    split = _data().train
    x, t = torch.from_numpy(split.inputs), torch.from_numpy(split.targets)
    batches = _from_loader(x, t, batch) if loader else _from_tensors(x, t, batch)

    def step() -> float:
        xs, ts = next(batches)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(xs), ts)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(loss.detach())

    return step


def _from_tensors(x: Any, t: Any, batch: int) -> Iterator[tuple[Any, Any]]:
    while True:
        order = torch.randperm(len(x))
        for i in range(0, len(x), batch):
            rows = order[i : i + batch]
            yield x[rows], t[rows]


def _from_loader(x: Any, t: Any, batch: int) -> Iterator[tuple[Any, Any]]:
    data = torch.utils.data.TensorDataset(x, t)
    while True:
        yield from torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True)


def _model(net: str) -> Any:
    nn = torch.nn
    if net == "lenet5":
        return nn.Sequential(
            nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84),
            nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip
    sizes = [int(s) for s in net.split("-")]
    layers: list[Any] = [nn.Flatten()]
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
