"""The loop of a script: its steps come from elsewhere, and the window sets how far it may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from graphcore import files
from graphcore.datasets.probe import Probe
from graphcore.errors import GradscapeError
from graphcore.records.arrays import unpack
from graphcore.runs.runs import Run, run_of_script
from graphcore.session import messages as m
from graphcore.training.trainer import StepRecord

if TYPE_CHECKING:
    import numpy as np

    from graphcore.session.session import Session

OVER = (
    "The steps of this run were made by a script, whose loop is over. To train on here, choose "
    "data in the Training panel: the net keeps its weights."
)
OWN = "The {0} is the script's own: change it there."


class Script:
    """A session's end of a loop that it does not run.

    Attributes:
        run: whose steps the loop makes; None where no script is there.
        until: the step that the loop waits after; None: it goes on.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.run: Run | None = None
        self.until: int | None = None
        self._speed: float | None = None
        self._precision, self._taken = "", 0
        self._fixed: dict[str, np.ndarray] = {}

    @property
    def at_work(self) -> bool:
        """Whether the steps of the run that is looked at are made by a script."""
        return self.run is not None and self._session.runs.current is self.run

    def begin(self, request: m.WatchBegin) -> None:
        """Take the net of a script; raises GradscapeError, and nothing has changed then."""
        session = self._session
        probe = Probe(unpack(request.inputs), unpack(request.targets))
        graph = files.loads(request.graph)
        trainer = session.trainer_on(graph, [probe])
        weights = {name: unpack(array) for name, array in request.weights.items()}
        trainer.plan.load_state_dict(weights)
        run = run_of_script(trainer, request.graph, probe)
        session.adopt_runs("", trainer, run.number, [run], graph, request.graph)
        self.run, self.until, self._fixed = run, None, weights
        self._taken += 1
        session.running = True
        self._tell()

    def take(self, request: m.WatchSteps) -> None:
        """Note steps, and show the weights that the last of them left."""
        session, run = self._session, self.run
        if run is None:
            raise GradscapeError("Steps of a script came before its net.")
        self._precision, self._taken = request.precision, self._taken + 1
        losses = unpack(request.losses).tolist()
        lr = run.settings.lr
        records = [StepRecord(request.first + i, 0, y, lr, (y,)) for i, y in enumerate(losses)]
        trainer = session.trainer
        try:
            if not self.at_work or trainer is None:
                run.add(records, request.seconds)
            else:
                given = {name: unpack(array) for name, array in request.weights.items()}
                weights = {**self._fixed, **given}
                session.runs.follow(records, trainer, weights, request.seconds)
                session.frames.note(records, 0, recorded=False, seconds=request.seconds)
                session.running = self.until is None or run.steps < self.until
                session.stepped()
        finally:
            self._tell()

    def end(self) -> None:
        """The script is gone: its run stays to be looked at."""
        if self.at_work:
            self._session.pause()
        self.run = None

    def leave(self) -> None:
        """Another net is looked at: the script goes on, unseen."""
        if self.at_work:
            self._session.running = False
            self.until = None
            self._tell()

    def go(self, steps: int | None) -> None:
        """Let the loop continue: for a number of steps, or without end."""
        assert self.run is not None
        self._session.newest()
        self.until = None if steps is None else self.run.steps + steps
        self._session.running = True
        self._tell()

    def hold(self) -> None:
        """Have the loop wait at its next step."""
        if self.at_work:
            self.until = 0
            self._tell()

    def set_speed(self, steps_per_second: float | None) -> None:
        """Steps per second at most; None is full speed."""
        self._speed = steps_per_second
        if self.run is not None:
            self._tell()

    def said_of(self, frame: m.Frame) -> m.Frame:
        """A frame of a run that a script makes: it has no epochs here, and no end."""
        state = frame.state
        if state != "running":
            state = "idle" if self.at_work else "done"
        return msgspec.structs.replace(
            frame, state=state, epochs=0, total_steps=0, counts=(), seconds_left=None,
            moved_on=False, of_script=True,
        )  # fmt: skip

    def _tell(self) -> None:
        self._session.send(
            m.Steer(until=self.until, speed=self._speed, taken=self._taken, seen=self.at_work,
                    precision=self._precision)
        )  # fmt: skip
