"""Training from the command line: ``train`` and ``eval``, and the options they share."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from graphcore import datasets, presets
from graphcore.cli import metrics as metrics_cli
from graphcore.cli import own_data
from graphcore.datasets.learned import learned
from graphcore.datasets.probe import NAME as PROBE
from graphcore.engine import processor
from graphcore.errors import FileError, GradscapeError
from graphcore.files.atomic import make_folder
from graphcore.graph.binding import descends
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import torch
from graphcore.records.precision import PRECISIONS
from graphcore.records.score import Score
from graphcore.runs.checkpointing import Checkpoints, checkpoints, has_checkpoint, resume
from graphcore.runs.folder import (
    OWN_FILES,
    WEIGHTS,
    named_net,
    read_probe,
    write_data,
    write_net,
    write_result,
)
from graphcore.training import distributed, optimizers, schedules, settings_check
from graphcore.training import options as fits
from graphcore.training.trainer import Trainer

DONE = 0
"""Exit code."""
TEST_EVERY = 200
"""Steps between two tests of a run that ends at an accuracy."""


def add_data_options(parser: argparse.ArgumentParser) -> None:
    own_data.add_options(parser)
    parser.add_argument("--data-dir", type=Path, metavar="DIR")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, metavar="T")
    add_precision(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")


def add_precision(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--precision", choices=PRECISIONS, default="float32",
                        help="of products and convolutions; the rest is float32")  # fmt: skip


def add_training_options(parser: argparse.ArgumentParser) -> None:
    add_data_options(parser)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--optimizer", choices=optimizers.names())
    parser.add_argument("--schedule", choices=schedules.names())
    parser.add_argument("--patience", type=int, metavar="P",
                        help="stop after P epochs without a better loss")  # fmt: skip
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path, metavar="DIR")
    parser.add_argument("--nproc-per-node", dest="processes", type=int, default=1, metavar="K",
                        help="share every batch out over K processes")  # fmt: skip
    parser.add_argument("--nnodes", dest="nodes", type=int, default=1, metavar="M",
                        help="machines that take part, each by the same command")  # fmt: skip
    parser.add_argument("--rdzv-endpoint", default="", metavar="HOST:PORT",
                        help="where the machines meet")  # fmt: skip
    parser.add_argument("--rdzv-id", default="", metavar="ID", help="name of the run")


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``train``."""
    parser.add_argument("file", help="graph file or preset")
    add_training_options(parser)
    parser.add_argument("--resume", type=Path, metavar="DIR",
                        help="go on from the checkpoint that a run left in DIR")  # fmt: skip
    parser.add_argument("--force", action="store_true",
                        help="write to --out even where another run lies")  # fmt: skip
    parser.add_argument("--until", type=float, metavar="A",
                        help="stop once this share of the test split is right")  # fmt: skip
    metrics_cli.add_options(parser)


def check_folder(options: argparse.Namespace) -> None:
    """Refuse to write over another run; raises FileError.

    A run that is taken up again may go on in its own folder.
    """
    folder: Path | None = options.out
    if folder is None or options.force or distributed.is_part():
        return
    if options.resume is not None and options.resume.resolve() in _places(folder):
        return
    if (folder / WEIGHTS).exists() or has_checkpoint(folder):
        raise FileError(
            f"{folder} holds another run: name a new folder, go on with --resume {folder}, "
            "or write over it with --force."
        )
    found = next((n for n in OWN_FILES if (folder / n).exists()), None)
    if found is not None:
        raise FileError(f"{folder / found} is there already: name a new folder, or use --force.")


def _places(folder: Path) -> tuple[Path, Path]:
    """How --resume may name the run of a folder."""
    return folder.resolve(), (folder / "checkpoint").resolve()


def train(options: argparse.Namespace) -> int:
    metrics_cli.check(options)
    if options.until is not None and not 0 < options.until <= 1:
        raise GradscapeError("--until takes a share above 0 and up to 1, such as 0.98.")
    check_folder(options)
    graph = presets.resolve(options.file)
    if options.out is not None:
        make_folder(options.out)
    trainer = make_trainer(graph, options)
    graph.set_training(trainer.settings)
    if options.resume is not None:
        resume(trainer, options.resume)
    noted = options.out is not None and distributed.speaks()
    metrics = metrics_cli.RunMetrics(trainer, options.resume) if noted else None
    begun, first = time.perf_counter(), trainer.step
    path: Path | None = options.csv if distributed.speaks() else None
    with metrics_cli.step_table(path) as table:
        _run(trainer, checkpoints(options.out), metrics, table, options.until)
    seconds = time.perf_counter() - begun - (metrics.scoring_seconds if metrics else 0.0)
    distributed.leave()
    if not distributed.speaks():
        return DONE
    result = _result(trainer, options, seconds, first)
    if options.out is not None:
        write_net(options.out, graph, trainer.plan)
        if trainer.binding.input:
            write_data(options.out, learned(trainer.data))
        write_result(options.out, result)
        if metrics is not None:
            metrics.write(trainer, options)
    show(result, options.json)
    return DONE


def _run(
    trainer: Trainer,
    checkpoints: Checkpoints | None,
    metrics: metrics_cli.RunMetrics | None,
    table: metrics_cli.StepTable | None,
    until: float | None,
) -> None:
    """Train to the end, or to an accuracy; progress goes to standard error twice a second.

    Raises:
        KeyboardInterrupt: the run was stopped, after the step it was in; a checkpoint is left.
    """
    try:
        with Interruption() as interruption:
            for steps in _rounds(trainer, until):
                _run_steps(trainer, checkpoints, metrics, table, interruption, steps)
    finally:
        if distributed.speaks():
            print(file=sys.stderr)


def _run_steps(
    trainer: Trainer,
    checkpoints: Checkpoints | None,
    metrics: metrics_cli.RunMetrics | None,
    table: metrics_cli.StepTable | None,
    interruption: Interruption,
    steps: int,
) -> None:
    shown, speaks = 0.0, distributed.speaks()
    for record in trainer.steps(steps, ahead=steps):
        now = time.perf_counter()
        if checkpoints is not None:
            checkpoints.after(trainer)
        if metrics is not None:
            metrics.after(trainer, record)
        if table is not None:
            table.after(trainer, record)
        if interruption.wanted and record.step == trainer.step:
            _leave_behind(trainer, checkpoints, metrics)
            raise KeyboardInterrupt
        if speaks and (now - shown > 0.5 or record.step == trainer.total_steps):
            shown = now
            print(
                f"\repoch {record.epoch + 1}/{trainer.settings.epochs}  "
                f"step {record.step}/{trainer.total_steps}  loss {record.loss:.4f}",
                end="", file=sys.stderr, flush=True,
            )  # fmt: skip


def _rounds(trainer: Trainer, until: float | None) -> Iterator[int]:
    """Yield numbers of steps to train: all, or ``TEST_EVERY`` until the test is good enough."""
    if until is None:
        yield trainer.total_steps - trainer.step
        return
    while not trainer.finished:
        yield min(TEST_EVERY, trainer.total_steps - trainer.step)
        score = trainer.evaluate(trainer.data.test)
        if score.accuracy is not None and score.accuracy >= until:
            return


def _leave_behind(
    trainer: Trainer,
    checkpoints: Checkpoints | None,
    metrics: metrics_cli.RunMetrics | None,
) -> None:
    """Write what a run that ends early can be taken up from."""
    if checkpoints is not None:
        checkpoints.write(trainer)
        if metrics is not None:
            metrics.log.write_csv(checkpoints.folder.parent / metrics_cli.TABLE)


class Interruption:
    """Ctrl-C while a single process trains: the step is finished first, a second one ends at once.

    Attributes:
        wanted: whether Ctrl-C was pressed.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._before: Any = None

    def __enter__(self) -> Interruption:
        main = threading.current_thread() is threading.main_thread()
        if main and not distributed.is_part():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: Any) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


def evaluate(options: argparse.Namespace) -> int:
    if not options.dir.is_dir():
        raise FileError(f"{options.dir} is no folder: train --out DIR writes one.")
    net = named_net(options.dir)
    trainer = make_trainer(net.graph, options, net.folder)
    net.fill(trainer.plan)
    begun = time.perf_counter()
    result = _result(trainer, options, None)
    result["seconds"] = round(time.perf_counter() - begun, 3)
    show(result, options.json)
    return DONE


def make_trainer(
    graph: Graph, options: argparse.Namespace, folder: Path | None = None
) -> Trainer:  # fmt: skip
    """A run of the graph, on the data and with the settings that the command line says.

    Args:
        folder: of the run that the graph comes from, where its data may lie.
    """
    settings = _settings(graph.training, options)
    data = _load(graph, settings, options, folder)
    _use_threads(options)
    trainer = Trainer(
        graph, data, settings, device=distributed.device(options.device),
        dtype=options.precision,
    )  # fmt: skip
    if trainer.note and distributed.speaks():
        print(trainer.note, file=sys.stderr)
    distributed.join(trainer)
    return trainer


def _settings(own: TrainingSettings, options: argparse.Namespace) -> TrainingSettings:
    """The graph's settings with what the command line says laid over them."""
    names = ("epochs", "batch", "lr", "optimizer", "schedule", "patience", "seed")
    given = {k: getattr(options, k, None) for k in names}
    changes = {k: v for k, v in given.items() if v is not None} | own_data.changes(own, options)
    if changes.get("dataset", own.dataset) != own.dataset:
        changes.setdefault("dataset_options", {})
    if changes.get("optimizer", own.optimizer) != own.optimizer:
        changes["optimizer_options"] = {}
    if changes.get("schedule", own.schedule) != own.schedule:
        changes["schedule_options"] = {}
    for name in ("epochs", "batch", "patience", "lr", "seed"):
        if name in changes:
            fits.check(name, changes[name], 1.0 if name == "lr" else 1, shown=f"--{name}")
    settings = msgspec.structs.replace(own, **changes)
    settings_check.check(settings)
    return settings


def _load(
    graph: Graph, settings: TrainingSettings, options: argparse.Namespace, folder: Path | None
) -> datasets.Dataset:
    if descends(graph):
        return datasets.NOTHING
    probe = read_probe(folder) if settings.dataset == PROBE else None
    data = datasets.load(
        settings.dataset, options=settings.dataset_options, normalization=settings.normalization,
        seed=settings.seed, data_dir=options.data_dir, progress=show_progress,
    ) if probe is None else probe.dataset(settings.dataset_options.get("classes", 0))  # fmt: skip
    for said in (data.note, data.target_scale.describe_targets(data.target)):
        if said and distributed.speaks():
            print(said, file=sys.stderr)
    return data


def show_progress(what: str, done: int, total: int) -> None:
    if not distributed.speaks():
        return
    share = f"{done / total:4.0%}" if total else f"{done / 1e6:.1f} MB"
    print(f"\r{what} {share}", end="" if done < total else "\n", file=sys.stderr, flush=True)


def _use_threads(options: argparse.Namespace) -> None:
    if options.threads is not None and options.threads < 1:
        raise GradscapeError(f"--threads must be at least 1, got {options.threads}.")
    processor.set_up(options.threads)


def _result(
    trainer: Trainer, options: argparse.Namespace, seconds: float | None, first: int = 0
) -> dict[str, Any]:
    """The keys that scripts read, of a run that began after its ``first`` steps."""
    data, s = trainer.data, trainer.settings
    test = trainer.evaluate(data.test)
    train_score: Score = trainer.evaluate(data.train)
    seen = (trainer.step - first) * min(s.batch, len(data.train))
    return {
        "dataset": data.name, "train_samples": len(data.train), "test_samples": len(data.test),
        "epochs": trainer.epoch if seconds is not None else None,
        "steps": trainer.step if seconds is not None else None, "seed": s.seed,
        "train_loss": train_score.loss, "test_loss": test.loss, "test_accuracy": test.accuracy,
        "seconds": None if seconds is None else round(seconds, 3),
        "samples_per_second": None if not seconds else round(seen / seconds, 1),
        "device": str(trainer.plan.device), "threads": torch.get_num_threads(),
        "precision": trainer.plan.precision,
    }  # fmt: skip


def show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        print(f"{key:>20}  {'-' if value is None else value}")
