"""The metrics of the run in the window, gathered from the engine's frames."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QElapsedTimer, QObject

from graphcore.records.arrays import unpack
from graphcore.records.epoch_count import EpochCount, epoch_of
from graphcore.runs.log import RunLog
from graphcore.session import messages as m
from graphcore.views.timeline import RunCurves, TimelineFrame

Counts = tuple[EpochCount, ...]


class RunMetrics(QObject):
    """Follows the engine; pauses do not count as time.

    Attributes:
        log: a row per step of a frame; where many steps lie between two frames their
            losses are means of neighbours.
    """

    def __init__(self, document: Any, engine: Any) -> None:
        super().__init__(engine)
        self.log = RunLog()
        self._seconds, self._run = 0.0, 0
        self._since = QElapsedTimer()
        engine.frame.connect(self._on_frame)
        engine.reset_done.connect(self.clear)
        engine.on(TimelineFrame, self._on_timeline)
        document.opened.connect(self.clear)

    def clear(self) -> None:
        """Another run."""
        self.log.clear()
        self._seconds, self._run = 0.0, 0
        self._since.invalidate()

    def _on_timeline(self, frame: TimelineFrame) -> None:
        """Where another run is gone to the table is that run's; a branch keeps what it shares."""
        before, self._run = self._run, frame.run
        if frame.curves is None:
            return
        run = next(r for r in frame.runs if r.run == frame.run)
        branched = before not in (0, frame.run) and run.parent == before
        if branched and self.log.newest >= run.begun_at:
            self.log.forget_after(run.begun_at)
            self._take(frame.curves, frame.counts, self.log.newest)
        else:
            self.clear()
            self._run = frame.run
            self._take(frame.curves, frame.counts, -1)

    def _take(self, curves: RunCurves, counts: Counts, since: int) -> None:
        """Note the rows of a run after a step as the engine keeps them: thinned."""
        steps, seconds = unpack(curves.steps).round().astype(int), unpack(curves.seconds)
        rates = unpack(curves.rates).tolist()
        for i, (first, *others) in enumerate(unpack(curves.losses).T.tolist()):
            step, lr = int(steps[i]), None if math.isnan(rates[i]) else rates[i]
            if step > since:
                self.log.note(
                    step, dict(zip(curves.objectives, others, strict=False)), lr=lr,
                    epoch=_epoch(counts, step), train_loss=first, seconds=round(seconds[i], 3),
                )  # fmt: skip
        for split, scores in (("test", curves.tests), ("validation", curves.validations)):
            for step, loss, accuracy, _, training in unpack(scores).tolist():
                known = (None if math.isnan(share) else share for share in (accuracy, training))
                if step > since:
                    self._note_score(split, int(step), counts, loss, *known)
        if since < 0:
            self._seconds = float(seconds[-1]) if len(seconds) else 0.0

    def _on_frame(self, frame: m.Frame) -> None:
        before = self._seconds
        if self._since.isValid():
            self._seconds += self._since.nsecsElapsed() / 1e9
        self._since.invalidate()
        if frame.state == "running":
            self._since.start()
        steps, losses = unpack(frame.steps).tolist(), unpack(frame.losses).tolist()
        if steps and len(self.log) and steps[0] <= self.log.newest:
            self.log.forget_after(steps[0] - 1)
        now = round(self._seconds, 3)
        rates, times = unpack(frame.rates).tolist(), _between(before, now, len(steps))
        further = {name: unpack(line).tolist() for name, line in frame.further.items()}
        for i, (step, loss) in enumerate(zip(steps, losses, strict=True)):
            self.log.note(
                step, {name: line[i] for name, line in further.items()},
                epoch=_epoch(frame.counts, step), train_loss=loss, lr=rates[i], seconds=times[i],
            )  # fmt: skip
        for score in frame.scores:
            split = "validation" if score.held_back else "test"
            late = not steps or score.step < steps[0]  # its row is there, or it is the start
            at = None if late else round(float(np.interp(score.step, steps, times)), 3)
            self._note_score(
                split, score.step, frame.counts, score.loss, score.accuracy, score.training, at
            )

    def _note_score(
        self, split: str, step: int, counts: Counts, loss: float, accuracy: float | None,
        training: float | None, now: float | None = None,
    ) -> None:  # fmt: skip
        measured = {f"{split}_loss": loss, f"{split}_accuracy": accuracy, "seconds": now,
                    "train_accuracy": training}  # fmt: skip
        self.log.note(step, None, epoch=_epoch(counts, step), **measured)


def _between(before: float, now: float, steps: int) -> list[float]:
    """The seconds at which steps ended that lie between two frames, evenly."""
    return [round(before + (now - before) * (i + 1) / steps, 3) for i in range(steps)]


def _epoch(counts: Counts, step: int) -> int:
    """The epoch of a step, from 0; a script's steps make none."""
    return epoch_of(counts, step) if counts else step - 1
