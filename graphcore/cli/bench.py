"""The engine beside what its users would write by hand, measured in one run.

Each net is trained by our ``Trainer``, by a plain PyTorch loop over shuffled tensors, and by the
same loop over a DataLoader; they take turns, so that a slow moment hits all alike, and medians
are compared. The floor is our own kernels back to back, without any engine around them; the
products are the matrix products and convolutions among them, called by torch's interpreter and
nothing else: no engine that uses torch's products can be faster. One thread, SGD with momentum.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from graphcore import datasets, presets
from graphcore.cli.bench_models import MODELS
from graphcore.datasets import Dataset, Normalization, Split
from graphcore.engine import devices, processor
from graphcore.engine.fast.kernel_trace import noted, replayed
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import TrainingSettings
from graphcore.landscapes.planes import random_plane
from graphcore.landscapes.surface import Surface
from graphcore.late import torch
from graphcore.ops.activation import ReLU
from graphcore.ops.linear import Linear
from graphcore.ops.loss import MSELoss
from graphcore.training.trainer import Trainer

NETS: dict[str, tuple[int, ...]] = {
    "784-16-16-10": (32, 128), "784-128-64-10": (32, 128), "lenet5": (32, 128),
    "resnet8": (128,), "lstm": (128,), "vit": (128,), "circle": (10,), "house-prices": (16,),
    "autoencoder": (64,),
}  # fmt: skip
"""Net -> sizes of batch."""
PRESETS = {
    "lenet5": "lenet5", "resnet8": "resnet8", "lstm": "lstm-rows", "vit": "vit-tiny",
    "circle": "circle", "autoencoder": "autoencoder",
}  # fmt: skip
PRODUCTS = ("mm", "addmm", "bmm", "matmul", "linear", "conv", "mkldnn_rnn_layer")
"""What the functions of torch are called, or begin with, that multiply matrices."""
SURFACES = (("784-16-16-10", 31, 500), ("lenet5", 21, 200))
"""Net, points per side and samples of the landscapes."""
SAMPLES = 8192
LR, MOMENTUM = 0.01, 0.9
LOOPS = ("ours", "eager", "dataloader", "floor", "products")
ROUND = 0.12
"""Seconds that a loop runs before it is the next one's turn."""


def run(quick: bool = False) -> dict[str, Any]:
    """Measure every net and batch size.

    Returns:
        {"results": [...], "landscape": [...]}: microseconds per step, seconds per surface;
        "times_eager" says how many times faster than the plain loop we are, "most_eager" how
        many times faster the products alone would be, "of_floor" what share of our time the
        kernels alone would take.
    """
    threads = torch.get_num_threads()
    processor.set_up(threads=1)
    rounds = 3 if quick else 9
    try:
        rows = [_measure(net, batch, rounds) for net, sizes in NETS.items() for batch in sizes]
        surfaces = [_measure_surface(*row, quick) for row in SURFACES]
    finally:
        torch.set_num_threads(threads)
    return {"results": rows, "landscape": surfaces}


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = [
        f"{'net':16}{'batch':>6}{'ours':>10}{'eager':>10}{'loader':>10}{'floor':>10}"
        f"{'products':>10}{'x eager':>9}{'at most':>9}{'x loader':>10}{'of floor':>10}"
    ]
    for r in report["results"]:
        times = "".join(f"{r[f'{k}_us']:8.0f}us" for k in LOOPS)
        lines.append(
            f"{r['net']:16}{r['batch']:6}{times}{r['times_eager']:9.2f}{r['most_eager']:9.2f}"
            f"{r['times_dataloader']:10.2f}{r['of_floor']:10.0%}"
        )
    for r in report["landscape"]:
        lines.append(
            f"landscape {r['net']}, {r['grid']}x{r['grid']}, {r['samples']} samples: "
            f"{r['ours_s']:.2f} s, point by point {r['loop_s']:.2f} s, x {r['times_loop']:.2f}"
        )
    return "\n".join(lines)


def _measure(net: str, batch: int, rounds: int) -> dict[str, Any]:
    trainer = _trainer(net, batch)
    for _ in range(3):
        trainer.train_step()
    loops: dict[str, Callable[[], object]] = {
        "ours": partial(next, trainer.steps(sys.maxsize, ahead=sys.maxsize)),
        "eager": _eager(net, batch, loader=False),
        "dataloader": _eager(net, batch, loader=True),
        "floor": _floor(trainer),
        "products": _products(trainer),
    }
    us = _medians(loops, rounds)
    return {
        "net": net, "batch": batch, "threads": 1, **{f"{k}_us": us[k] for k in LOOPS},
        "times_eager": us["eager"] / us["ours"], "most_eager": us["eager"] / us["products"],
        "times_dataloader": us["dataloader"] / us["ours"], "of_floor": us["floor"] / us["ours"],
    }  # fmt: skip


def beside_eager(net: str, batch: int, device: str, rounds: int = 5) -> tuple[float, float]:
    """Return microseconds per step on a device: ours, and a plain PyTorch loop's."""
    steps = _trainer(net, batch, device).steps(sys.maxsize, ahead=sys.maxsize)

    def ours() -> None:
        next(steps)

    us = _medians({"ours": ours, "eager": _eager(net, batch, False, device)}, rounds, device)
    return us["ours"], us["eager"]


def _medians(
    loops: dict[str, Callable[[], object]], rounds: int, device: str = "cpu"
) -> dict[str, float]:
    """Microseconds per call of each, taking turns."""
    counts: dict[str, int] = {}
    for name, step in loops.items():
        step()
        begun = time.perf_counter()
        step()
        counts[name] = max(1, min(2000, int(ROUND / (time.perf_counter() - begun))))
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(rounds):
        for name, step in loops.items():
            begun = time.perf_counter()
            for _ in range(counts[name]):
                step()
            devices.synchronize(device)
            times[name].append((time.perf_counter() - begun) / counts[name] * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def data_for(net: str) -> Dataset:
    """Samples drawn at random; their number is that of a larger data set."""
    if net == "circle":
        return datasets.load("circle", options={"targets": "signs", "samples": SAMPLES})
    rng = np.random.default_rng(0)
    plain = Normalization("none", np.zeros(()), np.ones(()))
    if net == "house-prices":
        houses = rng.standard_normal((SAMPLES, 3)).astype(np.float32)
        prices = houses @ np.array([[0.7], [0.5], [-0.2]], np.float32)
        split = Split(houses, prices)
        return Dataset("houses", "regression", split, split, None, (3,), ("price",), plain)
    images = rng.random((SAMPLES, 1, 28, 28), np.float32)
    split = Split(images, rng.integers(0, 10, SAMPLES))
    names = tuple(map(str, range(10)))
    return Dataset("random", "classification", split, split, None, (1, 28, 28), names, plain)


def _graph(net: str) -> Graph:
    if net in PRESETS:
        return presets.load(PRESETS[net])
    if net == "house-prices":
        return _regression(3, 16)
    return parse_layers("-relu-".join(net.split("-")).replace("784-relu", "784", 1))


def _regression(inputs: int, hidden: int) -> Graph:
    """A net of one hidden layer that answers with a number, under the squared error."""
    graph = Graph()
    x, target = graph.add("Input", shape=(inputs,)), graph.add("Target")
    layers = [
        x, graph.add(Linear.name, out_features=hidden), graph.add(ReLU.name),
        graph.add(Linear.name, out_features=1), graph.add(MSELoss.name),
    ]  # fmt: skip
    for source, end in pairwise(layers):
        graph.connect(source, end)
    graph.connect(target, layers[-1], input="target")
    return graph


def _trainer(net: str, batch: int, device: str = "cpu") -> Trainer:
    settings = TrainingSettings(
        epochs=100_000, batch=batch, optimizer="SGD", optimizer_options={"momentum": MOMENTUM},
        lr=LR, schedule="constant",
    )  # fmt: skip
    return Trainer(_graph(net), data_for(net), settings, device=device)


def _floor(trainer: Trainer) -> Callable[[], object]:
    """The kernels of a step, and nothing else."""
    kernels = trainer.plan.kernels()

    def step() -> None:
        with torch.inference_mode():
            for kernel in kernels:
                kernel()
            trainer.groups[0].optimizer.update(0.0)

    return step


def _products(trainer: Trainer) -> Callable[[], object]:
    """The matrix products and convolutions of a step, of the same tensors, and nothing else."""
    with torch.inference_mode():
        calls = noted(trainer.plan.kernels())
        kernels = replayed([call.again for call in calls if call.name.startswith(PRODUCTS)])

    def step() -> None:
        with torch.inference_mode():
            for kernel in kernels:
                kernel()

    return step


def _eager(net: str, batch: int, loader: bool, device: str = "cpu") -> Callable[[], object]:
    """A loop as people write it."""
    model = MODELS[net].model().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    split = data_for(net).train
    x, t = torch.from_numpy(split.inputs).to(device), torch.from_numpy(split.targets).to(device)
    batches = _from_loader(x, t, batch) if loader else _from_tensors(x, t, batch)

    def step() -> float:
        xs, ts = next(batches)
        optimizer.zero_grad()
        loss = MODELS[net].loss(model(xs), xs, ts)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def _from_tensors(x: Any, t: Any, batch: int) -> Iterator[tuple[Any, Any]]:
    while True:
        order = torch.randperm(len(x)).to(x.device)
        for i in range(0, len(x), batch):
            rows = order[i : i + batch]
            yield x[rows], t[rows]


def _from_loader(x: Any, t: Any, batch: int) -> Iterator[tuple[Any, Any]]:
    data = torch.utils.data.TensorDataset(x, t)
    while True:
        yield from torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True)


def _measure_surface(net: str, grid: int, samples: int, quick: bool) -> dict[str, Any]:
    """A whole surface by ``Surface`` and point by point, as one would write it."""
    trainer = _trainer(net, 32)
    plan, binding = trainer.evaluation_plan(), trainer.binding
    x, t = trainer.tensors(trainer.data.train, samples)
    feeds = binding.feeds(x, t)
    plane, span = random_plane(trainer.plan), (-1.0, 1.0, -1.0, 1.0)

    def ours() -> None:
        Surface(plan, plane, feeds, binding.loss, span, grid).work(float("inf"))

    def loop() -> None:
        model = MODELS[net].model()
        model.eval()
        weights = list(model.parameters())
        directions = [[torch.randn_like(w) for w in weights] for _ in range(2)]
        starts = [w.detach().clone() for w in weights]
        with torch.no_grad():
            for a in np.linspace(-1, 1, grid):
                for b in np.linspace(-1, 1, grid):
                    for w, start, u, v in zip(weights, starts, *directions, strict=True):
                        w.copy_(start + a * u + b * v)
                    float(torch.nn.functional.cross_entropy(model(x), t))

    times: dict[str, list[float]] = {"ours": [], "loop": []}
    for _ in range(1 if quick else 3):
        for name, make in (("ours", ours), ("loop", loop)):
            begun = time.perf_counter()
            make()
            times[name].append(time.perf_counter() - begun)
    ours_s, loop_s = (statistics.median(times[n]) for n in ("ours", "loop"))
    return {
        "net": net, "grid": grid, "samples": samples, "ours_s": ours_s, "loop_s": loop_s,
        "times_loop": loop_s / ours_s,
    }  # fmt: skip
