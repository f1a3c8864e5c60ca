"""The metrics of the run in the window, gathered from the engine's frames."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QElapsedTimer, QObject

from graphcore.run_log import RunLog
from graphcore.worker import messages as m
from graphcore.worker.arrays import unpack


class RunMetrics(QObject):
    """Follows the engine; pauses do not count as time.

    Attributes:
        log: a row per step that a frame told of; where many steps lie between two frames their
            losses are means of neighbours.
    """

    def __init__(self, document: Any, engine: Any) -> None:
        super().__init__(engine)
        self.log = RunLog()
        self._seconds = 0.0
        self._since = QElapsedTimer()
        engine.frame.connect(self._on_frame)
        engine.reset_done.connect(self.clear)
        document.opened.connect(self.clear)

    def clear(self) -> None:
        """Another run."""
        self.log.clear()
        self._seconds = 0.0
        self._since.invalidate()

    def _on_frame(self, frame: m.Frame) -> None:
        if self._since.isValid():
            self._seconds += self._since.nsecsElapsed() / 1e9
        self._since.invalidate()
        if frame.state == "running":
            self._since.start()
        steps, losses = unpack(frame.steps).tolist(), unpack(frame.losses).tolist()
        if steps and len(self.log) and steps[0] <= self.log.newest:
            self.log.forget_after(steps[0] - 1)
        per_epoch, now = max(1, frame.steps_per_epoch), round(self._seconds, 3)
        further = {name: unpack(line).tolist() for name, line in frame.further.items()}
        for i, (step, loss) in enumerate(zip(steps, losses, strict=True)):
            self.log.note(
                step, {name: line[i] for name, line in further.items()},
                epoch=(step - 1) // per_epoch, train_loss=loss, lr=frame.lr, seconds=now,
            )  # fmt: skip
        for step, share in frame.accuracies:
            self.log.note(step, train_accuracy=share)
        for score in frame.scores:
            self.log.note(
                score.step, epoch=(score.step - 1) // per_epoch, test_loss=score.test_loss,
                test_accuracy=score.test_accuracy, seconds=now,
            )  # fmt: skip
