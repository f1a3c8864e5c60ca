"""Messages that steer training, between the window and the engine process.

Messages are msgspec structs, sent as MessagePack with a four-byte big-endian length in front.
Those of the views stand beside what answers them. Arrays travel as ``Array``.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from graphcore.records.arrays import Array
from graphcore.records.epoch_count import EpochCount
from graphcore.records.pictures import Flow, Picture
from graphcore.records.requests import Command, Look, Outcome, Reply, Shown
from graphcore.records.score import Score
from graphcore.training.transfer.silent_units import Growth

PROTOCOL = 2
HelperChoice = Literal["auto", "always", "never"]


class Hello(Command, frozen=True):
    """First message: the window's protocol version, and what the worker may use.

    Attributes:
        device: "" takes the best that is there. threads: 0 takes every core but one.
        precision: of products: "float32", "tf32" or "bfloat16".
        helper: whether a process of lowest priority computes landscapes while the net trains;
            "auto" is where more than two processors are.
        mark: file of the window's: an engine that does not find it is on another machine. "" says
            that it is on the same.
    """

    protocol: int = PROTOCOL
    device: str = ""
    threads: int = 0
    mark: str = ""
    precision: str = "float32"
    helper: HelperChoice = "auto"


class Load(Command, frozen=True):
    """Take this graph (a graph file's bytes) and its data.

    Attributes:
        keep: whether weights and optimiser state that still fit stay as they are.
        forget: whether the runs so far are forgotten, as they were of another document.
        growth: what is new then starts from this.
        resume: folder of a checkpoint to go on from, or "".
        checkpoints: folder that checkpoints are written to, or "".
        data_dir: folder of the data sets, or "" for the usual places.
        start: file of the weights that the net starts with, by name, or "".
        renamed: (old, new) name of each node that was renamed since the last of these requests.
        revision: a number above those of all requests before; the replies that follow bear it.
    """

    reads = ("start",)
    graph: bytes
    keep: bool = False
    resume: str = ""
    checkpoints: str = ""
    data_dir: str = ""
    growth: Growth = "initial"
    forget: bool = False
    start: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    revision: int = 0


class Run(Command, frozen=True):
    """Train a number of steps, to the end of the begun epoch, or to the end of the last."""

    steps: int | None = None
    epoch: bool = False


class Pause(Command, frozen=True):
    """Stop after the current step."""


class Reset(Command, frozen=True):
    """Back to the same start: weights, optimiser, random state, data order, statistics.

    Attributes:
        revision: as in ``Load``; 0 leaves it as it was.
    """

    revision: int = 0


class SetRate(Command, frozen=True):
    """Learning rate from the next step on (the peak, under a schedule)."""

    lr: float


class SetSpeed(Command, frozen=True):
    """Steps per second at most; None is full speed."""

    steps_per_second: float | None


class Watch(Look, frozen=True):
    """What the window shows just now; nothing else is computed for it.

    Attributes:
        values, gradients: names of nodes whose pictures are wanted.
        flow: whether magnitudes along the edges are wanted.
        level: path of the composite whose inside is shown, "" for the whole graph.
    """

    values: tuple[str, ...] = ()
    gradients: tuple[str, ...] = ()
    flow: bool = True
    level: str = ""


class WatchBegin(Command, frozen=True):
    """A script has begun a loop of its own: its net, to be looked at on its batch.

    Attributes:
        graph: a graph file's bytes, whose settings name the batch.
        weights: name in the plan -> numbers: parameters, running statistics, tables.
        inputs, targets: the batch.
    """

    graph: bytes
    weights: dict[str, Array]
    inputs: Array
    targets: Array


class WatchSteps(Command, frozen=True):
    """Steps that the script has made since its last message.

    Attributes:
        first: number of the first of them, counted from 1.
        losses: of each, shape (n,).
        seconds: that each took.
        weights: that the last of them left: those that can change.
        precision: that the script's forward passes have, where it is another than here; or "".
    """

    first: int
    losses: Array
    seconds: float
    weights: dict[str, Array] = {}
    precision: str = ""


class WatchEnd(Command, frozen=True):
    """The script is over, or gone."""


class NextFrame(Command, frozen=True):
    """The last frame is drawn; send the next when there is something new."""


class Quit(Command, frozen=True):
    """End the process."""


class Ready(Outcome, frozen=True):
    """The worker is up.

    Attributes:
        helper: whether a helper process works beside it.
        precision: in which products are computed. devices: name and title of each that is there.
        machine: name of the computer.
        far: whether it is not the window's.
        brought: names of the files that windows have sent to it before.
        datasets: names of those that lie in files and are there.
    """

    protocol: int
    device: str
    threads: int
    torch: str
    helper: bool = False
    precision: str = "float32"
    devices: tuple[tuple[str, str], ...] = ()
    machine: str = ""
    far: bool = False
    brought: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()


class Loaded(Shown, frozen=True):
    """The graph is compiled and the data are there.

    Attributes:
        note: what the user should know, such as a fallback data set; or "".
        normalization: sentence that says what was done to the inputs.
        held_back: samples held back from training for validation.
        kept: how many parameters kept their weights, of ``parameters``.
        part, fresh, gone: names of those of another size, of which what fits was kept, of those
            that are new, and of those that are no more.
        frozen, anew, change, copies: see ``graphcore.training.transfer.keep_weights.Kept``.
        problem: why the net cannot be trained, or "": what of the graph can be run is run forward.
    """

    dataset: str
    note: str
    normalization: str
    train_samples: int
    test_samples: int
    classes: tuple[str, ...]
    parameters: int
    numbers: int
    kept: int
    step: int
    steps_per_epoch: int
    total_steps: int
    held_back: int = 0
    part: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()
    change: float | None = None
    copies: dict[str, int] = {}
    problem: str = ""


class Steer(Outcome, frozen=True):
    """How the loop of a script is to continue; also the answer to its messages.

    Attributes:
        until: the step that it is to wait after; None: it goes on.
        speed: steps per second at most; None is full speed.
        taken: how many messages of the script have been taken.
        seen: whether the net of the script is the one that is looked at.
        precision: of the script's forward passes, where it is another than here; or "".
    """

    until: int | None = None
    speed: float | None = None
    taken: int = 0
    seen: bool = True
    precision: str = ""


class Frame(Reply, frozen=True, kw_only=True):
    """The newest state of the run, and all that happened to the curves since the last frame.

    Attributes:
        state: "idle", "running" or "done".
        epoch: epochs done, the begun one in part.
        epochs: how many the run is to have.
        counts: how the steps make epochs.
        steps, losses: one entry per step since the last frame (thinned when there are many).
        rates: learning rates of these steps; ``lr`` is the next one's.
        further: losses of the second objective on, by the name of the node, one entry per step too.
        accuracies: share of right answers in recorded batches: (step, accuracy).
        values, gradients: pictures of the nodes that are watched, by name; empty in frames
            between two recorded steps, as is ``flow``.
        pictured_step: the step that the last pictures were of; 0 before the first.
        moved: counts the times that the weights were changed by hand.
        moved_on: whether the net is another than at its start: trained, or changed by hand.
        stopped: why training ended before its last epoch and which weights are held, or "".
        of_script: whether the steps are made by a script: there are no epochs, and no end.
    """

    state: Literal["idle", "running", "done"]
    step: int
    epoch: float
    epochs: int
    total_steps: int
    lr: float
    samples_per_second: float
    seconds_left: float | None
    steps: Array
    losses: Array
    rates: Array
    counts: tuple[EpochCount, ...] = ()
    further: dict[str, Array] = {}
    accuracies: tuple[tuple[int, float], ...] = ()
    scores: tuple[Score, ...] = ()
    values: dict[str, Picture] = {}
    gradients: dict[str, Picture] = {}
    flow: tuple[Flow, ...] = ()
    pictured_step: int = 0
    epoch_ended: bool = False
    moved: int = 0
    moved_on: bool = False
    stopped: str = ""
    of_script: bool = False


class DataRead(Outcome, frozen=True):
    """Data were read, whether or not the net fits them.

    Attributes:
        header: names of all columns of a table, in the file's order.
        target: the column that is predicted, or "".
        classes: how many there are; 0 where the answer is a number.
    """

    dataset: str
    header: tuple[str, ...]
    target: str
    input_shape: tuple[int, ...]
    classes: int
    note: str


class CancelReading(Command, frozen=True):
    """Give up the data that are being read; looked at while they are read, not in its turn."""


class Progress(Outcome, frozen=True):
    """Something that takes a while, such as a download; ``total`` is 0 while it is not known."""

    what: str
    done: int
    total: int


FailureKind = Literal["load", "run", "diverged", "untrainable", "disk", "request"]


class Failure(Outcome, frozen=True):
    """One sentence for the user, and the node at fault if there is one.

    Attributes:
        kind: "load" (the graph or the data were refused), "run" (training stopped), "diverged"
            (it stopped at a number that is not finite), "untrainable" (there is nothing to train),
            "disk" (a checkpoint could not be written; training goes on), "request".
        details: the stack of an error that was not expected, or "".
    """

    kind: FailureKind
    message: str
    node: str = ""
    details: str = ""


class CheckpointWritten(Outcome, frozen=True):
    """A checkpoint is on disk."""

    folder: str
    step: int


class RunEntered(Outcome, frozen=True):
    """The run that was gone to is of another graph than the one before: this one."""

    name: str
    graph: bytes


class RunsOpened(Outcome, frozen=True):
    """The net is that of the file's current run, whose graph file's bytes these are."""

    path: str
    graph: bytes = b""
    problem: str = ""


class Hold(msgspec.Struct, tag=True, frozen=True):
    """One value that is held.

    Attributes:
        node: whose output is held.
        unit: place behind the batch axis, (3,) for the fourth neuron or map; () for all of it.
        value: a number; None takes the value that the node has for ``sample`` of the test split.
        target, input: the one edge that is held; "" holds what every reader gets.
    """

    node: str
    unit: tuple[int, ...] = ()
    value: float | None = 0.0
    sample: int = 0
    target: str = ""
    input: str = ""


class HoldRequest(Look, frozen=True):
    """Hold these and nothing else; the stepper's passes run with them, training never does.

    Attributes:
        compare: whether the figures of the test split are wanted too.
    """

    holds: tuple[Hold, ...] = ()
    compare: bool = False

    @property
    def wanted(self) -> bool:
        """Whether there is something to compute."""
        return self.visible and self.compare and bool(self.holds)
