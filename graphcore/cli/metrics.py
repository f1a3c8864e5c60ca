"""What ``train --out`` notes of a run beside its result: metrics.csv, TensorBoard's event files."""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import time
from collections.abc import Iterator
from pathlib import Path

from graphcore import report
from graphcore.errors import FileError
from graphcore.files.atomic import write_atomically
from graphcore.runs.log import RunLog, read_csv
from graphcore.training.evaluation import SEEN, spread
from graphcore.training.trainer import StepRecord, Trainer

TABLE = "metrics.csv"
FLUSH_SECONDS = 0.5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``train``."""
    parser.add_argument("--tensorboard", action="store_true",
                        help="write TensorBoard event files to --out")  # fmt: skip
    parser.add_argument("--report", action="store_true",
                        help="write an HTML page about the run to --out")  # fmt: skip
    parser.add_argument("--csv", type=Path, metavar="FILE",
                        help="write every step as it is made: epoch, loss, lr")  # fmt: skip


def check(options: argparse.Namespace) -> None:
    """Refuse what leads nowhere; raises FileError."""
    for name in ("tensorboard", "report"):
        if getattr(options, name) and options.out is None:
            raise FileError(f"--{name} needs --out DIR, the folder to write to.")
    if options.csv is not None and os.path.lexists(options.csv) and not options.force:
        raise FileError(f"{options.csv} is there already: name a new file, or use --force.")


class StepTable:
    """A table that gets a line for every step, to be read while the run goes on."""

    def __init__(self, path: Path) -> None:
        self._path, self._flushed = path, 0.0
        try:
            self._file = path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise FileError(_unwritten(path, error)) from None
        self._writer = csv.writer(self._file, lineterminator="\n")

    def after(self, trainer: Trainer, record: StepRecord) -> None:
        """Add a line; raises FileError."""
        try:
            if not self._flushed:
                names = [group.loss for group in trainer.groups[1:]]
                self._writer.writerow(
                    ["step", "epoch", "loss", "lr", *(f"loss:{n}" for n in names)]
                )
            row = (record.step, record.epoch, record.loss, record.lr, *record.losses[1:])
            self._writer.writerow(row)
            now = time.monotonic()
            if now - self._flushed > FLUSH_SECONDS or record.step == trainer.total_steps:
                self._file.flush()
                self._flushed = now
        except OSError as error:
            raise FileError(_unwritten(self._path, error)) from None

    def close(self) -> None:
        """Write what is left; raises FileError."""
        try:
            self._file.close()
        except OSError as error:
            raise FileError(_unwritten(self._path, error)) from None


@contextlib.contextmanager
def step_table(path: Path | None) -> Iterator[StepTable | None]:
    """A table of every step, closed at the end; None without a path. Raises FileError."""
    if path is None:
        yield None
        return
    table = StepTable(path)
    try:
        yield table
    finally:
        table.close()


def _unwritten(path: Path, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{path} cannot be written: {reason}."


class RunMetrics:
    """Notes every step, and at the end of each epoch how good the net is on either split.

    Attributes:
        scoring_seconds: what the scores took; no part of the training time.
    """

    def __init__(self, trainer: Trainer, resumed: Path | None) -> None:
        self.log = RunLog()
        if resumed is not None and (resumed / TABLE).is_file():
            self.log = read_csv(resumed / TABLE)
            self.log.forget_after(trainer.step)
        self.scoring_seconds = 0.0

    def after(self, trainer: Trainer, record: StepRecord) -> None:
        """A step was done."""
        now = time.time() - self.log.begun
        names = (group.loss for group in trainer.groups[1:])
        further = dict(zip(names, record.losses[1:], strict=False))
        self.log.note(
            record.step, further, epoch=record.epoch, train_loss=record.loss, lr=record.lr,
            seconds=round(now, 4),
        )  # fmt: skip
        there = record.step == trainer.step  # steps may be made several at once
        if there and (trainer.ends_epoch or trainer.finished):
            begun = time.perf_counter()
            score = trainer.evaluate(trainer.data.test)
            seen = trainer.evaluate(spread(trainer.data.train, SEEN))
            self.log.note(record.step, test_loss=score.loss, test_accuracy=score.accuracy,
                          train_accuracy=seen.accuracy)  # fmt: skip
            if (held_back := trainer.validated) is not None:
                self.log.note(record.step, validation_loss=held_back.loss,
                              validation_accuracy=held_back.accuracy)  # fmt: skip
            self.scoring_seconds += time.perf_counter() - begun

    def write(self, trainer: Trainer, options: argparse.Namespace) -> None:
        """Write what was noted, and what else was asked for; raises FileError."""
        folder: Path = options.out
        self.log.write_csv(folder / TABLE)
        if options.tensorboard:
            self.log.write_events(folder)
        if options.report:
            page = report.render(report.gather(trainer, folder.resolve().name, self.log))
            write_atomically(folder / "report.html", page.encode())
