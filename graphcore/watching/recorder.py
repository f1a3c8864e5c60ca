"""Records a script's run into a file, without a window.

The loop only copies its weights into the net of the record, and only while nothing is done with the
copy before. Keeping it, files and folders are the work of a thread: a slow disk costs states of the
record, and none of the loop's time.
"""

from __future__ import annotations

import contextlib
import math
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from graphcore import files
from graphcore.datasets.learned import learned
from graphcore.errors import FileError, GradscapeError
from graphcore.files.atomic import make_folder
from graphcore.runs import folder as run_folder
from graphcore.runs.log import RunLog
from graphcore.runs.run_file import write_runs
from graphcore.runs.runs import Runs, run_of_script
from graphcore.runs.snapshots import Store, Timeline
from graphcore.scripting.net import RUN_SUFFIX
from graphcore.session.pace import rest
from graphcore.training.trainer import StepRecord, Trainer
from graphcore.watching.source import Source

SHARE, SOONEST = 0.004, 10.0
"""Largest share of the time spent on writing the file; shortest rest between writes, seconds."""
BESIDE = 0.1
"""Share of a processor that keeping states takes at most, beside the loop."""


class Recorder:
    """A run whose steps a script makes, kept in memory and now and then in a file.

    Args:
        out: a file that ends in .gradrun, or a folder.

    Attributes:
        steers, over: what a window may be, and a file is never: see ``Window``.

    Raises:
        FileError: the file is there already, or cannot be written.
    """

    steers = over = False

    def __init__(self, source: Source, out: Path) -> None:
        self._source, self._folder = source, None if out.suffix == RUN_SUFFIX else out
        self.path = out if self._folder is None else out / f"run{RUN_SUFFIX}"
        if self.path.exists():
            raise FileError(f"{self.path} is there already: name a new one, or remove it.")
        make_folder(self.path.parent)
        classes = source.graph.training.dataset_options["classes"]
        self.trainer = Trainer(source.graph, source.probe.dataset(classes))
        self._files = tempfile.TemporaryDirectory(prefix="gradscape-", ignore_cleanup_errors=True)
        self._runs = Runs(Store(Path(self._files.name)))
        self.trainer.plan.load_state_dict(source.weights())
        self.run = run_of_script(self.trainer, files.dumps(source.graph), source.probe)
        self._runs.take(self.trainer, self.run.number, [self.run])
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, Sequence[float], float]] = []
        self._due_at = self._write_at = 0.0
        self._busy = self._closing = self._copied = False
        self._told: set[str] = set()
        self._write(self._frozen())
        if self._problem:
            self._files.cleanup()
            raise FileError(self._problem)
        self._writer = threading.Thread(target=self._work, daemon=True)
        self._writer.start()

    @property
    def kept(self) -> int:
        """How many states of the net there are."""
        return len(self.run.timeline.moments)

    # -- the loop's side ----------------------------------------------------------------------

    def wants(self, step: int) -> bool:
        """Whether the weights after a step are to be kept, and there is room for a copy."""
        if self._busy or time.perf_counter() < self._due_at:
            return False
        return self.run.timeline.due(step)

    def hold(self, step: int, tell: Callable[[], None]) -> None:
        """A file lets every loop go on."""

    def take(self, first: int, losses: Sequence[float], seconds: float, weights: bool) -> None:
        """Note the losses of steps and how many seconds each took.

        Args:
            weights: whether the module's weights are to be noted too, if there is room.
        """
        if losses:
            with self._changed:
                self._waiting.append((first, losses, seconds))
        if self._busy:
            return
        if weights:
            self._copy(first + len(losses) - 1)
        if weights or time.perf_counter() >= self._write_at:
            with self._changed:
                self._copied, self._busy = weights, True
                self._changed.notify()

    def close(self) -> None:
        """Keep the weights of this moment, and write all of it."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._writer.join()
        self._note_losses()
        if self.run.steps > self.run.timeline.moments[-1].step:
            with contextlib.suppress(GradscapeError):  # of a module that has become another
                self._copy(self.run.steps)
                self._runs.keep_newest(self.trainer)
        self._write(self._frozen())
        self._tell(self._problem)
        if self._folder is not None and not self._problem:
            self._leave_folder(self._folder)
        self._files.cleanup()

    def _copy(self, step: int) -> None:
        """Copy the module's weights of this moment; raises GradscapeError."""
        self.trainer.plan.load_state_dict(self._source.weights())
        self.trainer.step = step

    # -- the thread's side --------------------------------------------------------------------

    def _work(self) -> None:
        """Keep what was copied, and now and then write the file, until the end."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._busy or self._closing)
                if not self._busy:
                    return
            begun = time.thread_time()
            try:
                self._note_losses()
                if self._copied:
                    self._runs.keep_newest(self.trainer)
                    self._tell(self._runs.store.problem)
                if time.perf_counter() >= self._write_at:
                    self._write(self._frozen())
                    self._tell(self._problem)
            except Exception as error:  # whatever it is, the loop goes on
                self._tell(str(error) or type(error).__name__)
            self._due_at = time.perf_counter() + rest(time.thread_time() - begun, BESIDE)
            self._copied = self._busy = False

    def _note_losses(self) -> None:
        with self._changed:
            waiting, self._waiting = self._waiting, []
        lr = self.trainer.lr
        for first, losses, seconds in waiting:
            records = [StepRecord(first + i, 0, y, lr, (y,)) for i, y in enumerate(losses)]
            self.run.add(records, seconds)

    def _leave_folder(self, folder: Path) -> None:
        """What ``train --out`` leaves in a folder, so that the same commands take it."""
        try:
            run_folder.write_net(folder, self.trainer.graph, self.trainer.plan)
            run_folder.write_data(folder, learned(self.trainer.data))
            run_folder.write_probe(folder, self._source.probe)
            log = RunLog()
            for step, seconds, loss in self.run.curves.rows.tolist():
                log.note(round(step), train_loss=loss, seconds=seconds)
            log.write_csv(folder / run_folder.METRICS)
        except GradscapeError as error:
            self._tell(str(error))

    def _frozen(self) -> Runs:
        """The run as it is now, for a thread to write while the run goes on."""
        runs, run = Runs(), self.run
        still = replace(
            run, timeline=Timeline(list(run.timeline.moments), begun=run.begun_at),
            curves=run.curves.until(math.inf),
        )  # fmt: skip
        runs.all, runs.current = {still.number: still}, still
        return runs

    def _write(self, runs: Runs) -> None:
        begun = time.perf_counter()
        self._problem = ""
        try:
            write_runs(self.path, runs)
        except GradscapeError as error:
            self._problem = str(error)
        took = time.perf_counter() - begun
        self._write_at = time.perf_counter() + max(SOONEST, took / SHARE)

    def _tell(self, problem: str) -> None:
        """Say once what is wrong; the script goes on."""
        if problem and problem not in self._told:
            self._told.add(problem)
            print(f"gradscape: {problem}", file=sys.stderr)
