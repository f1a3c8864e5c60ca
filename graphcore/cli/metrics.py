"""What ``train --out`` notes of a run beside its result: metrics.csv, TensorBoard's event files."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from graphcore import report
from graphcore.errors import FileError
from graphcore.files.atomic import write_atomically
from graphcore.runs.log import RunLog, read_csv
from graphcore.training.trainer import StepRecord, Trainer

TABLE = "metrics.csv"
TRAIN_SAMPLES = 2000
"""So many training samples say how accurate the net is on what it has seen."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``train``."""
    parser.add_argument("--tensorboard", action="store_true",
                        help="write TensorBoard event files to --out")  # fmt: skip
    parser.add_argument("--report", action="store_true",
                        help="write an HTML page about the run to --out")  # fmt: skip


def check(options: argparse.Namespace) -> None:
    """Refuse what leads nowhere; raises FileError."""
    for name in ("tensorboard", "report"):
        if getattr(options, name) and options.out is None:
            raise FileError(f"--{name} needs --out DIR, the folder to write to.")


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
        if there and (trainer.step % trainer.steps_per_epoch == 0 or trainer.finished):
            begun = time.perf_counter()
            score = trainer.evaluate(trainer.data.test)
            seen = trainer.evaluate(trainer.data.train, limit=TRAIN_SAMPLES)
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
