"""Messages of the time machine: going back to a recorded step, and the runs of the session."""

from __future__ import annotations

import msgspec

from graphcore.graph.training_settings import TrainingSettings
from graphcore.records.arrays import Array
from graphcore.records.epoch_count import EpochCount
from graphcore.records.requests import Ask, Command, Look, Outcome, Reply
from graphcore.records.score import Score


class TimelineRequest(Look, frozen=True):
    """Which runs there are, and which step of them is shown."""


class ScrubRequest(Command, frozen=True):
    """Show the state that was recorded last up to a step; None: the newest state."""

    step: int | None = None


class EnterRun(Command, frozen=True):
    """Make another run the current one, at its newest step."""

    run: int


class EditRun(Command, frozen=True):
    """Give a run another name, or remove it."""

    run: int
    name: str = ""
    remove: bool = False


class CurvesRequest(Look, frozen=True):
    """The curves of all runs."""


class PutBack(Command, frozen=True):
    """Give the net the weights that training had left, in place of those changed by hand."""


class RunInfo(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """A row of the table of runs.

    Attributes:
        parent: number of the run that it branched off at step ``begun_at``; None: at none.
        by_hand: whether it began with weights changed by hand.
        rates: learning rates in the order in which they were set, before the schedule.
        loss: mean of the last training losses; None before the first step of this net.
        test: the last of this net.
        held: the epoch whose weights an early stop gave back at its newest step, or 0.
        seconds: of computing.
        of_script: whether its steps were made by a script, and nothing is known of how.
        changes: what its net does otherwise than that of the run it branched off, or else of the
            run before it.
    """

    run: int
    name: str
    parent: int | None
    begun_at: int
    by_hand: bool
    steps: int
    settings: TrainingSettings
    rates: tuple[float, ...]
    loss: float | None
    test: Score | None
    seconds: float
    held: int = 0
    changes: tuple[str, ...] = ()
    of_script: bool = False


class RunCurves(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The curves of one run.

    Attributes:
        steps, seconds: of the losses, shape (n,); seconds of computing up to the step.
        rates: the learning rate of each, NaN where it is not known; shape (n,).
        stride: each is the mean of ``stride`` measured rows, the last of which it stands at.
        smooth: the first objective's losses, each the weighted mean that ``RunInfo.loss`` is of
            the last ones; shape (n,).
        losses: a row per objective, shape (k, n); ``objectives`` names those after the first.
        tests: (step, loss, accuracy, samples, accuracy on training samples) of each test, NaN
            for an accuracy that is not known; shape (n, 5).
        tested_from: see ``Run``: those before it are of another net, or of other data.
        validations: the same of the samples held back, at the ends of epochs.
        accuracies: (step, share) of recorded batches, shape (n, 2).
    """

    run: int
    name: str
    steps: Array
    seconds: Array
    rates: Array
    losses: Array
    tests: Array
    validations: Array
    accuracies: Array
    smooth: Array
    stride: int = 1
    tested_from: int = 0
    objectives: tuple[str, ...] = ()


class TimelineFrame(Reply, frozen=True, kw_only=True):
    """Where one is in the recorded run, and which runs there are.

    Attributes:
        run: number of the current run; 0 where there is none.
        steps: that one can go back to, shape (n,).
        shown, newest: step that every view shows, and the run's last.
        by_hand: whether the weights that training left at that step were changed by hand.
        counts: how the steps make epochs; none where they are made by a script.
        outdated: whether the newest step was made by another net, or on other data.
        former: the same of an earlier step that is shown: its weights are looked at in the net as
            it is now, which has never been trained to have them.
        lr: learning rate at the shown step, before the schedule.
        rate: that of the update that made an earlier step which is shown, after the schedule.
        memory, disk: bytes that all recorded states take.
        problem: why earlier steps cannot be kept on disk, or "".
        test: of the net that is shown, where it was tested.
        validation: the same on the samples held back from training, where there are any.
        held: the epoch whose weights an early stop has given back; 0: they are those of ``shown``.
        curves: of the current run up to its newest step, when it is not the run of before.
    """

    run: int = 0
    steps: Array | None = None
    shown: int = 0
    newest: int = 0
    visiting: bool = False
    by_hand: bool = False
    counts: tuple[EpochCount, ...] = ()
    outdated: bool = False
    former: bool = False
    lr: float = 0.0
    rate: float = 0.0
    memory: int = 0
    disk: int = 0
    problem: str = ""
    test: Score | None = None
    validation: Score | None = None
    held: int = 0
    runs: tuple[RunInfo, ...] = ()
    curves: RunCurves | None = None


class CurvesFrame(Reply, frozen=True):
    """The curves of all runs, thinned."""

    runs: tuple[RunCurves, ...] = ()


class SaveRuns(Ask, frozen=True):
    """Write all runs to a file."""

    writes = ("path",)
    path: str


class OpenRuns(Command, frozen=True):
    """Take up the runs of a file in place of those that are there.

    Attributes:
        own: whether they are of the graph that is loaded, as another engine left them.
    """

    reads = ("path",)
    path: str
    own: bool = False


class RunsSaved(Outcome, frozen=True):
    """The runs are in the file, or ``problem`` says why not."""

    path: str
    problem: str = ""
