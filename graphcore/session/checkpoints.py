"""The state of the run at work, written to disk now and then: what a killed engine goes on from."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from graphcore.errors import FileError
from graphcore.records.requests import Reply
from graphcore.runs.checkpoint import write_checkpoint
from graphcore.session import messages as m
from graphcore.training.trainer import Trainer

SECONDS = 30.0


class Checkpoints:
    """Writes one over the other.

    Attributes:
        folder: where they go; "" is nowhere.
    """

    def __init__(self, send: Callable[[Reply], None]) -> None:
        self._send = send
        self.folder = ""
        self._at = 0.0

    def forget(self) -> None:
        """Another run: none is written of it."""
        self._at = 0.0

    @property
    def none(self) -> bool:
        """Whether none is written of the run."""
        return not self._at

    @property
    def due(self) -> bool:
        """Whether the last is so old that it is time for another."""
        return time.perf_counter() - self._at >= SECONDS

    def write(self, trainer: Trainer, graph: bytes) -> None:
        """Write one, and tell of it or why it could not be."""
        self._at = time.perf_counter()
        if not self.folder:
            return
        try:
            write_checkpoint(
                Path(self.folder), trainer.state(), step=trainer.step, lr=trainer.lr,
                graph=graph.decode(),
            )  # fmt: skip
        except FileError as error:
            self._send(m.Failure("disk", str(error)))
        else:
            self._send(m.CheckpointWritten(self.folder, trainer.step))
