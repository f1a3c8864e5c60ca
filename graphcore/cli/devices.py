"""``gradscape devices``: what there is to compute on, and whether each computes right and fast.

The table of ``--test`` is meant to be pasted into a report.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from typing import Any

import numpy as np

import graphcore as gc
from graphcore import presets
from graphcore.cli import bench
from graphcore.cli.bench_models import data_for
from graphcore.engine import devices
from graphcore.engine.devices import Device
from graphcore.engine.gradient_check import check_graph
from graphcore.engine.precision import precisions
from graphcore.engine.random_feeds import random_feeds
from graphcore.errors import GradscapeError
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import torch
from graphcore.records.precision import PRECISIONS
from graphcore.training.trainer import Trainer

NET, BATCH = "lenet5", 128
STEPS = 8
BAR = {"gradients": 1e-5, "replay": 1e-5}
"""Of the largest number: what float32 may be off by."""
ROUGH = {"float32": 1.0, "tf32": 1e3, "bfloat16": 3e4}
"""How many times as far gradients of products in a precision may be off."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``devices``."""
    parser.add_argument(
        "--test", action="store_true",
        help="check gradients and repeated steps on each device, and time it beside PyTorch",
    )  # fmt: skip
    parser.add_argument("--precision", choices=PRECISIONS, default="float32",
                        help="of products, for the test")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def show(options: argparse.Namespace) -> int:
    """List the devices; with ``--test`` return 1 if one computes wrong."""
    precision = options.precision
    rows = [_row(device, options.test, precision) for device in devices.available()]
    machine = f"{platform.system()} {platform.machine()}"
    about = {"precision": precision, "torch": torch.__version__, "machine": machine}
    if options.json:
        print(json.dumps({**about, "devices": rows}))
    else:
        print(f"torch {about['torch']} on {about['machine']}")
        print(_table(rows, precision) if options.test else "\n".join(map(_named, rows)))
    return 1 if any(row.get("problem") for row in rows) else 0


def _named(row: dict[str, Any]) -> str:
    return f"{row['device']:8} {row['title']}: {', '.join(row['precisions'])}"


def _table(rows: list[dict[str, Any]], precision: str) -> str:
    lines = [
        f"{'device':8}{'gradients':>12}{'replay':>12}{'ours':>10}{'eager':>10}{'x eager':>9}  "
    ]
    for r in rows:
        if "ours_us" in r:
            lines.append(
                f"{r['device']:8}{r['gradients']:12.1e}{r['replay']:12.1e}{r['ours_us']:8.0f}us"
                f"{r['eager_us']:8.0f}us{r['times_eager']:9.2f}  {r['title']}"
            )
        if r.get("problem"):
            lines.append(f"{r['device']:8}{r['problem']}")
    lines.append(f"{NET}, batch {BATCH}, {precision}; errors relative to the largest number")
    return "\n".join(lines)


def _row(device: Device, test: bool, precision: str) -> dict[str, Any]:
    there = precisions(torch.device(device.name))
    row: dict[str, Any] = {"device": device.name, "title": device.title, "precisions": there}
    if not test:
        return row
    try:
        row["gradients"] = gradient_error(device, precision)
        row["replay"] = replay_error(device.name, precision)
        row["ours_us"], row["eager_us"] = bench.beside_eager(
            NET, BATCH, device.name, precision=precision
        )
        row["times_eager"] = row["eager_us"] / row["ours_us"]
    except (GradscapeError, RuntimeError) as error:  # of torch: what a device cannot do
        row["problem"] = str(error).splitlines()[0]
        return row
    bars = {**BAR, "gradients": BAR["gradients"] * ROUGH[precision]}
    wrong = [name for name, bar in bars.items() if not row[name] <= bar]
    if wrong:
        row["problem"] = f"computes wrong: {' and '.join(wrong)}"
    return row


def gradient_error(device: Device, precision: str = "float32") -> float:
    """Return how far a device's gradients are off, relative to each tensor's largest.

    On the processor in float64 by finite differences; in the precision against its float64.
    """
    graph = presets.load(NET)
    exact = max(check_graph(graph).values()) if device.name == "cpu" else 0.0
    feeds = random_feeds(graph, 0)
    gradients = [
        _gradients(graph, feeds, *where) for where in (("cpu", "float64"), (device.name, precision))
    ]
    pairs = [(gradients[0][name], gradients[1][name]) for name in gradients[0]]
    return max(exact, *(_apart(a, b) for a, b in pairs))


def _gradients(
    graph: gc.Graph, feeds: dict[str, Any], device: str, dtype: str
) -> dict[str, np.ndarray]:
    plan, start = (gc.compile(graph, *w, mode="inspect") for w in
                   ((device, dtype), ("cpu", "float64")))  # fmt: skip
    for name, tensor in plan.parameters.items():
        tensor.copy_(start.parameters[name])
    plan.forward(feeds)
    plan.backward("loss")
    return {name: g.double().cpu().numpy() for name, g in plan.gradients.items()}


def replay_error(device: str, precision: str = "float32") -> float:
    """Return how far steps made at once are from steps made one by one, in the weights."""

    def one_by_one(trainer: Trainer) -> None:
        for _ in range(STEPS):
            trainer.train_step()

    def at_once(trainer: Trainer) -> None:
        for _ in trainer.steps(STEPS, ahead=STEPS):
            pass

    weights = [_trained(run, device, precision) for run in (one_by_one, at_once)]
    return max(_apart(weights[0][name], weights[1][name]) for name in weights[0])


def _trained(
    run: Callable[[Trainer], None], device: str, precision: str
) -> dict[str, np.ndarray]:  # fmt: skip
    trainer = Trainer(
        presets.load("mlp"), data_for("mlp"), TrainingSettings(batch=32), device=device,
        dtype=precision,
    )  # fmt: skip
    run(trainer)
    return {name: t.double().cpu().numpy() for name, t in trainer.plan.parameters.items()}


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / max(np.abs(a).max(), np.finfo(np.float32).tiny))
