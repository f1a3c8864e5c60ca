"""Checkpoints of a run of the command line: written now and then, and gone on from."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

from graphcore import files
from graphcore.errors import FileError
from graphcore.late import torch
from graphcore.runs.checkpoint import read_checkpoint, write_checkpoint
from graphcore.training.distributed import speaks
from graphcore.training.trainer import Trainer

CHECKPOINT_SECONDS = 30.0


CHECKPOINT_SHARE = 0.05
"""Most of a run's time that the checkpoints at the ends of its epochs may take."""


def resume(trainer: Trainer, folder: Path) -> None:
    """Go on from a checkpoint that only the first process needs to have; raises FileError."""
    from safetensors.torch import load, save

    packed, place = b"", torch.zeros(2, dtype=torch.float64)
    if speaks():
        inner = folder / "checkpoint"
        state, tensors = read_checkpoint(inner if inner.is_dir() else folder)
        place = torch.tensor([state.step, state.lr], dtype=torch.float64)
        packed = save({k: v.contiguous() for k, v in {**tensors, "place": place}.items()})
    if trainer.shard is not None:
        packed = trainer.shard.handed_round(packed)
    tensors = load(packed)
    step, lr = tensors.pop("place").tolist()
    trainer.load_state(tensors, int(step), lr)


class Checkpoints:
    """Writes a run's checkpoints: at the ends of its epochs, and where those are far apart.

    Args:
        folder: ``checkpoint`` inside it holds the newest one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkpoint"
        self._at, self._took, self._said = -math.inf, 0.0, False

    def after(self, trainer: Trainer) -> None:
        """Write one if it is time."""
        wait = self._took / CHECKPOINT_SHARE if trainer.ends_epoch else CHECKPOINT_SECONDS
        if time.perf_counter() - self._at >= wait or trainer.finished:
            self.write(trainer)

    def write(self, trainer: Trainer) -> None:
        """Write one now; a disk that is full stops nothing but is spoken of."""
        now = time.perf_counter()
        try:
            write_checkpoint(
                self.folder, trainer.state(), step=trainer.step, lr=trainer.lr,
                graph=files.dumps(trainer.graph).decode(),
            )  # fmt: skip
        except FileError as error:
            if not self._said:
                print(f"\n{error} Training goes on.", file=sys.stderr)
            self._said = True
        self._at = time.perf_counter()
        self._took = self._at - now


def checkpoints(folder: Path | None) -> Checkpoints | None:
    """Return what writes the checkpoints of a run: its only process or the first of several."""
    return Checkpoints(folder) if speaks() and folder is not None else None


def has_checkpoint(folder: Path) -> bool:
    """Return whether a run left a checkpoint in its folder."""
    return (folder / "checkpoint" / "state.json").is_file()
