"""The engine beside what its users would write by hand, measured in one run.

Each net is trained by our ``Trainer`` and, in processes of their own (``bench_eager``), by a plain
PyTorch loop over shuffled tensors, by the same loop over a DataLoader, and with the model given to
``torch.compile`` where that works. They take turns, so that a slow moment hits all alike: medians
are compared, and a bar is missed only if the whole 95 % interval of the ratio lies below it. The
floor is our own kernels back to back, without any engine around them. SGD with momentum.
"""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphcore import presets
from graphcore.cli.bench_eager import LR, MOMENTUM, Kind, Loop
from graphcore.cli.bench_models import MODELS, data_for
from graphcore.engine import devices, processor
from graphcore.engine.fast.kernel_trace import noted, replayed
from graphcore.errors import GradscapeError
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
ROUND, ROUNDS = 0.12, 11
"""Seconds that a loop runs before it is the next one's turn, and how many turns it has."""
BARS = {("784-16-16-10", 32): 5.0, ("784-128-64-10", 128): 1.8, ("lenet5", 128): 1.6,
        ("resnet8", 128): 1.3}  # fmt: skip
"""Net and batch -> how many times as fast as the plain loop we are, on one thread."""
Timed = Callable[[int], float]
"""Makes a number of steps; returns how many seconds they took."""


def run(
    quick: bool = False, nets: Sequence[str] = (), precision: str = "float32"
) -> dict[str, Any]:
    """Measure every net and batch size, with one thread and with all.

    Args:
        nets: of ``NETS``; all, and the landscapes, if none is named.

    Returns:
        {"results": [...], "landscape": [...]}: microseconds per step, seconds per surface;
        "times_eager" says how many times faster than the plain loop we are, "of_floor" what
        share of our time the kernels alone would take, "most_eager" how many times faster than the
        plain loop their matrix products alone would be.
    """
    before, cores = torch.get_num_threads(), os.cpu_count() or 1
    rounds = 3 if quick else ROUNDS
    try:
        rows = [
            _measure(net, batch, threads, rounds, precision)
            for threads in ((1,) if quick or cores == 1 else (1, cores))
            for net in nets or NETS
            for batch in NETS[net]
        ]
        processor.set_up(threads=1)
        surfaces = [_measure_surface(*row, quick) for row in SURFACES if not nets]
    finally:
        torch.set_num_threads(before)
    return {"precision": precision, "results": rows, "landscape": surfaces}


def table(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = [
        f"{'net':16}{'batch':>6}{'threads':>8}{'ours':>10}{'eager':>10}{'compiled':>10}{'loader':>10}"
        f"{'floor':>10}{'products':>10}{'x eager (95 %)':>24}{'at most':>9}"
        f"{'x compiled':>12}{'x loader':>10}{'of floor':>10}"
    ]
    for r in report["results"]:
        kinds = ("ours_us", "eager_us", "compiled_us", "dataloader_us", "floor_us", "products_us")
        times = "".join("-".rjust(10) if r[k] is None else f"{r[k]:8.0f}us" for k in kinds)
        low, high = r["times_eager_interval"]
        shown = f"{r['times_eager']:.2f} ({low:.2f} to {high:.2f})"
        rest = "".join(
            "-".rjust(width) if r[k] is None else f"{r[k]:{width}{kind}}"
            for k, width, kind in (
                ("most_eager", 9, ".2f"), ("times_compiled", 12, ".2f"),
                ("times_dataloader", 10, ".2f"),
                ("of_floor", 10, ".0%"),
            )
        )  # fmt: skip
        bar = f"  below the bar of {r['bar']}" if r["fails"] else ""
        lines.append(f"{r['net']:16}{r['batch']:6}{r['threads']:8}{times}{shown:>24}{rest}{bar}")
    for r in report["landscape"]:
        lines.append(
            f"landscape {r['net']}, {r['grid']}x{r['grid']}, {r['samples']} samples: "
            f"{r['ours_s']:.2f} s, point by point {r['loop_s']:.2f} s, x {r['times_loop']:.2f}"
        )
    lines.append(f"{report['precision']}; medians of {ROUNDS} turns, fewer with --quick")
    return "\n".join(lines)


def fails(report: dict[str, Any]) -> bool:
    """Return whether a net stays below its bar, with the whole interval of its ratio."""
    return any(row["fails"] for row in report["results"])


def _measure(net: str, batch: int, threads: int, rounds: int, precision: str) -> dict[str, Any]:
    processor.set_up(threads=threads)
    trainer = _trainer(net, batch, precision=precision)
    for _ in range(3):
        trainer.train_step()
    kinds: tuple[Kind, ...] = ("eager", "dataloader") if threads == 1 else ("eager",)
    far: dict[str, Loop] = {
        kind: Loop(kind, net, batch, threads, "cpu", precision) for kind in kinds
    }
    compiled = Loop("compiled", net, batch, threads, "cpu", precision)
    try:
        with contextlib.suppress(GradscapeError):  # there is no compiler, or torch refuses the net
            compiled(3)
            far["compiled"] = compiled
        loops: dict[str, Timed] = {"ours": _ours(trainer), **far}
        if threads == 1:
            loops["floor"] = _counted(_floor(trainer))
            loops["products"] = _counted(_products(trainer))
        us = _times(loops, rounds)
    finally:
        for loop in (*far.values(), compiled):
            loop.close()
    return {"net": net, "batch": batch, "threads": threads, **_compared(net, batch, threads, us)}


def _compared(net: str, batch: int, threads: int, us: dict[str, list[float]]) -> dict[str, Any]:
    """Medians of all loops, and their ratios to ours turn by turn."""
    row: dict[str, Any] = {}
    for kind in ("ours", "eager", "compiled", "dataloader", "floor", "products"):
        row[f"{kind}_us"] = statistics.median(us[kind]) if kind in us else None
    for kind in ("eager", "compiled", "dataloader"):
        ratios = [b / a for a, b in zip(us["ours"], us.get(kind, ()), strict=False)]
        row[f"times_{kind}"] = statistics.median(ratios) if ratios else None
        row[f"times_{kind}_interval"] = interval(ratios) if ratios else None
    row["of_floor"] = row["floor_us"] / row["ours_us"] if row["floor_us"] else None
    row["most_eager"] = row["eager_us"] / row["products_us"] if row["products_us"] else None
    row["bar"] = BARS.get((net, batch)) if threads == 1 else None
    row["fails"] = row["bar"] is not None and row["times_eager_interval"][1] < row["bar"]
    return row


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of a median: the order statistics between which it lies.

    With fewer than six values there is none so sure; all of them are between its ends then.
    """
    n, found = len(values), sorted(values)
    beyond, out = 0.0, 0
    while out < n // 2:
        beyond += 2 * math.comb(n, out) / 2**n  # that the median lies outside of one more
        if beyond > 0.05:
            break
        out += 1
    out = max(0, out - 1)
    return found[out], found[n - 1 - out]


def beside_eager(
    net: str, batch: int, device: str, rounds: int = 5, precision: str = "float32"
) -> tuple[float, float]:
    """Return microseconds per step on a device: ours, and a plain PyTorch loop's."""
    ours = _ours(_trainer(net, batch, device, precision), device)
    eager = Loop("eager", net, batch, torch.get_num_threads(), device, precision)
    try:
        us = _times({"ours": ours, "eager": eager}, rounds)
    finally:
        eager.close()
    return statistics.median(us["ours"]), statistics.median(us["eager"])


def _ours(trainer: Trainer, device: str = "cpu") -> Timed:
    """Return what makes a number of our steps, in blocks, and says how many seconds they took."""

    def run(count: int) -> float:
        begun = time.perf_counter()
        while count > 0:
            count -= len(trainer.train_steps(count))
        devices.synchronize(device)
        return time.perf_counter() - begun

    return run


def _counted(step: Callable[[], object]) -> Timed:
    """Return what makes a number of steps and says how many seconds they took."""

    def run(count: int) -> float:
        begun = time.perf_counter()
        for _ in range(count):
            step()
        return time.perf_counter() - begun

    return run


def _times(loops: Mapping[str, Timed], rounds: int) -> dict[str, list[float]]:
    """Microseconds per step of each, taking turns."""
    counts: dict[str, int] = {}
    for name, loop in loops.items():
        loop(1)
        counts[name] = max(1, min(2000, int(5 * ROUND / loop(5))))
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(rounds):
        for name, loop in loops.items():
            times[name].append(loop(counts[name]) / counts[name] * 1e6)
    return times


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


def _trainer(
    net: str, batch: int, device: str = "cpu", precision: str = "float32"
) -> Trainer:  # fmt: skip
    settings = TrainingSettings(
        epochs=100_000, batch=batch, optimizer="SGD", optimizer_options={"momentum": MOMENTUM},
        lr=LR, schedule="constant",
    )  # fmt: skip
    return Trainer(_graph(net), data_for(net), settings, device=device, dtype=precision)


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
