"""``gradscape landscape``: the loss around a net's weights, as numbers."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from graphcore.errors import GradscapeError
from graphcore.files.atomic import make_folder, write_atomically
from graphcore.landscapes.planes import Plane, principal_plane, random_plane, span_of_path
from graphcore.landscapes.surface import PathRecorder, Surface
from graphcore.training import distributed
from graphcore.training.trainer import Trainer

SAMPLES = 500


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is asked for beside the net and its data."""
    parser.add_argument("file", help="graph file, preset, or folder that train --out wrote")
    parser.add_argument("--plane", choices=("random", "pca"), default="random",
                        help="two random directions, or the path's two principal ones")  # fmt: skip
    parser.add_argument("--resolution", type=int, default=25, help="points per side")
    parser.add_argument("--span", type=float, default=1.0,
                        help="half a random plane's width, in lengths of the weights")  # fmt: skip
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--split", choices=("train", "test"), default="test")


def check(options: argparse.Namespace) -> None:
    """Raise GradscapeError for what cannot be drawn."""
    if options.resolution < 2:
        raise GradscapeError(f"--resolution must be at least 2, got {options.resolution}.")
    if options.samples < 1:
        raise GradscapeError(f"--samples must be at least 1, got {options.samples}.")
    if not options.span > 0:
        raise GradscapeError(f"--span must be above 0, got {options.span:g}.")


def train_with_path(trainer: Trainer) -> PathRecorder:
    """Train to the end and remember the way."""
    path = PathRecorder()
    path.add(0, trainer.plan.flat)
    for record in trainer.steps():
        path.add(record.step, trainer.plan.flat)
        if distributed.speaks() and (record.step % 100 == 0 or record.step == trainer.total_steps):
            print(f"\rstep {record.step}/{trainer.total_steps}  loss {record.loss:.4f}",
                  end="", file=sys.stderr, flush=True)  # fmt: skip
    if distributed.speaks():
        print(file=sys.stderr)
    return path


def compute(trainer: Trainer, path: PathRecorder, options: argparse.Namespace) -> dict[str, Any]:
    """The surface around the trainer's weights: keys as ``--json`` prints them."""
    plane, span = _plane(trainer, path, options)
    binding = trainer.binding
    data = trainer.data.test if options.split == "test" else trainer.data.train
    x, t = trainer.tensors(data, options.samples)
    begun = time.perf_counter()
    surface = Surface(
        trainer.evaluation_plan(), plane, binding.feeds(x, t), binding.loss,
        span, options.resolution,
        (trainer.shard.rank, trainer.shard.world) if trainer.shard else (0, 1),
    )  # fmt: skip
    while not surface.work(1.0):
        pass
    values = surface.values if trainer.shard is None else trainer.shard.gathered(surface.values)
    return {
        "dataset": trainer.data.name, "plane": "random" if plane.shares is None else "pca",
        "labels": list(plane.labels), "shares": plane.shares and list(plane.shares),
        "split": options.split, "samples": len(x), "step": trainer.step,
        "resolution": options.resolution, "a": surface.a.tolist(), "b": surface.b.tolist(),
        "loss": values.tolist(), "loss_min": float(values.min()),
        "loss_max": float(values.max()),
        "path": [
            list(plane.project(weights)[:2]) for weights in (*path.weights, trainer.plan.flat)
        ],
        "seconds": round(time.perf_counter() - begun, 3), "device": str(trainer.plan.device),
    }  # fmt: skip


def _plane(
    trainer: Trainer, path: PathRecorder, options: argparse.Namespace
) -> tuple[Plane, tuple[float, float, float, float]]:
    if options.plane == "random":
        s = options.span
        return random_plane(trainer.plan, trainer.settings.seed), (-s, s, -s, s)
    matrix = path.matrix() if len(path.steps) >= 3 else None
    plane = None if matrix is None else principal_plane(matrix, trainer.plan.flat)
    if plane is None or matrix is None:
        raise GradscapeError(
            "The plane of the path's principal components needs a path: train for at least "
            "three steps, or use --plane random."
        )
    low_a, high_a, low_b, high_b = span_of_path(plane, matrix)
    return plane, (low_a, high_a, low_b, high_b)


def write(folder: Path, report: dict[str, Any]) -> None:
    """Write ``landscape.json``; raises FileError."""
    make_folder(folder)
    write_atomically(folder / "landscape.json", json.dumps(report).encode())
