"""Every message between the window and the engine process.

Messages are msgspec structs, sent as MessagePack with a four-byte big-endian length in front.
``Request`` goes from the window to the worker, ``Reply`` back. Arrays travel as ``Array``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

import msgspec

from graphcore.errors import WorkerError
from graphcore.records.arrays import Array
from graphcore.records.pictures import Picture
from graphcore.training.transfer.silent_units import Growth
from graphcore.views.comparison import CompareFrame, CompareRequest
from graphcore.views.decision_map import (
    DecisionFrame,
    DecisionRequest,
    DigitFrame,
    DigitRequest,
    ResultsFrame,
    ResultsRequest,
)
from graphcore.views.drawing import NearestFrame, NearestRequest
from graphcore.views.embedding import EmbeddingFrame, EmbeddingRequest, TsneFrame, TsneRequest
from graphcore.views.health import HealthFrame, HealthRequest
from graphcore.views.histograms import SpreadFrame, SpreadRequest
from graphcore.views.landscape import LandscapeFrame, LandscapeRequest, SetPlanePoint
from graphcore.views.net_files import LoadWeights, NetSaved, SaveNet, WeightsLoaded
from graphcore.views.race import RaceFrame, RaceRequest
from graphcore.views.rate_test import RateTestFrame, RateTestRequest
from graphcore.views.saliency import AttributionFrame, AttributionRequest
from graphcore.views.samples import SamplesFrame, SamplesRequest
from graphcore.views.samples.shown import SampleFrame, SampleRequest
from graphcore.views.stepper import (
    CheckFrame,
    CheckRequest,
    ElementFrame,
    ElementRequest,
    NumbersFrame,
    NumbersRequest,
    WalkFrame,
    WalkRequest,
)
from graphcore.views.timeline import (
    CurvesFrame,
    CurvesRequest,
    EditRun,
    EnterRun,
    PutBack,
    RunEntered,
    ScrubRequest,
    TimelineFrame,
)
from graphcore.views.timeline.run_files import OpenRuns, RunsOpened, RunsSaved, SaveRuns
from graphcore.views.weights import SetNumbers, TensorFrame, TensorRequest
from graphcore.views.what_if import HoldRequest, WhatIfFrame

PROTOCOL = 1
LARGEST = 1 << 30
_LENGTH = struct.Struct(">I")


class Hello(msgspec.Struct, tag=True, frozen=True):
    """First message: the window's protocol version, and what the worker may use."""

    protocol: int = PROTOCOL
    device: str = ""
    threads: int = 0


class Load(msgspec.Struct, tag=True, frozen=True):
    """Take this graph (a graph file's bytes) and its data.

    Attributes:
        keep: whether weights and optimiser state that still fit stay as they are.
        forget: whether the runs so far are forgotten, as they were of another document.
        growth: what is new then starts from this.
        resume: folder of a checkpoint to go on from, or "".
        checkpoints: folder that checkpoints are written to, or "".
        data_dir: folder of the data sets, or "" for the usual places.
        revision: counts the changes of the document; what is told of the net bears it.
    """

    graph: bytes
    keep: bool = False
    resume: str = ""
    checkpoints: str = ""
    data_dir: str = ""
    growth: Growth = "initial"
    forget: bool = False
    revision: int = 0


class Run(msgspec.Struct, tag=True, frozen=True):
    """Train: so many steps, or to the end of the last epoch."""

    steps: int | None = None


class Pause(msgspec.Struct, tag=True, frozen=True):
    """Stop after the current step."""


class Reset(msgspec.Struct, tag=True, frozen=True):
    """Back to the same start: weights, optimiser, random state, data order, statistics."""


class SetRate(msgspec.Struct, tag=True, frozen=True):
    """Learning rate from the next step on (the peak, under a schedule)."""

    lr: float


class SetSpeed(msgspec.Struct, tag=True, frozen=True):
    """Steps per second at most; None is full speed."""

    steps_per_second: float | None


class Watch(msgspec.Struct, tag=True, frozen=True):
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


class NextFrame(msgspec.Struct, tag=True, frozen=True):
    """The last frame is drawn; send the next when there is something new."""


class Quit(msgspec.Struct, tag=True, frozen=True):
    """End the process."""


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The worker is up."""

    protocol: int
    device: str
    threads: int
    torch: str


class Loaded(msgspec.Struct, tag=True, frozen=True):
    """The graph is compiled and the data are there.

    Attributes:
        note: what the user should know, such as a fallback data set; or "".
        normalization: sentence that says what was done to the inputs.
        kept: how many parameters kept their weights, of ``parameters``.
        part, fresh, gone: names of those of another size, of which what fits was kept, of those
            that are new, and of those that are no more.
        frozen, anew, change, copies: see ``graphcore.training.transfer.keep_weights.Kept``.
        problem: why the net cannot be trained, or "": what of the graph can be run is run forward.
        revision: of ``Load``; every reply up to the next one is of this net.
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
    part: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()
    change: float | None = None
    copies: dict[str, int] = {}
    problem: str = ""
    revision: int = 0


class Flow(msgspec.Struct, tag=True, frozen=True):
    """Root mean square of what runs along one edge: the value, and the gradient that came back."""

    source: str
    output: str
    target: str
    input: str
    value: float
    gradient: float


class Scores(msgspec.Struct, tag=True, frozen=True):
    """Loss and accuracy at a step, on so many samples of the test split.

    Attributes:
        held_back: they were those held back from training for validation instead.
    """

    step: int
    loss: float
    accuracy: float | None
    samples: int
    whole: bool
    held_back: bool = False


class Frame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The newest state of the run, and all that happened to the curves since the last frame.

    Attributes:
        state: "idle", "running" or "done".
        steps, losses: one entry per step since the last frame (thinned when there are many).
        further: losses of the second objective on, by the name of the node, one entry per step too.
        accuracies: share of right answers in recorded batches: (step, accuracy).
        values, gradients: pictures of the nodes that are watched, by name; empty in frames
            between two recorded steps, as is ``flow``.
        pictured_step: the step that the last pictures were of; 0 before the first.
        moved: counts the times that the weights were changed by hand.
        moved_on: whether the net is another than at its start: trained, or changed by hand.
        starts: how many resets, and nets taken without the weights of before, it comes after.
        stopped: why training ended before its last epoch and which weights are held, or "".
        revision: of the ``Load`` that the net came with.
    """

    state: Literal["idle", "running", "done"]
    step: int
    epoch: int
    steps_per_epoch: int
    total_steps: int
    lr: float
    samples_per_second: float
    seconds_left: float | None
    steps: Array
    losses: Array
    further: dict[str, Array] = {}
    accuracies: tuple[tuple[int, float], ...] = ()
    scores: tuple[Scores, ...] = ()
    values: dict[str, Picture] = {}
    gradients: dict[str, Picture] = {}
    flow: tuple[Flow, ...] = ()
    pictured_step: int = 0
    epoch_ended: bool = False
    moved: int = 0
    moved_on: bool = False
    starts: int = 0
    stopped: str = ""
    revision: int = 0


class Progress(msgspec.Struct, tag=True, frozen=True):
    """Something that takes a while, such as a download; ``total`` is 0 while it is not known."""

    what: str
    done: int
    total: int


FailureKind = Literal["load", "run", "diverged", "untrainable", "disk", "request"]


class Failure(msgspec.Struct, tag=True, frozen=True):
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


class CheckpointWritten(msgspec.Struct, tag=True, frozen=True):
    """A checkpoint is on disk."""

    folder: str
    step: int


Request = (
    Hello | Load | Run | Pause | Reset | SetRate | SetSpeed | Watch | NextFrame | LandscapeRequest
    | SetPlanePoint | WalkRequest | CheckRequest | DecisionRequest | ResultsRequest
    | DigitRequest | RateTestRequest | TensorRequest | SetNumbers | HoldRequest
    | NearestRequest | SampleRequest | TsneRequest | NumbersRequest | ElementRequest
    | CompareRequest
    | EmbeddingRequest | HealthRequest | AttributionRequest | SpreadRequest
    | SamplesRequest | RaceRequest | SaveNet | LoadWeights | ScrubRequest | PutBack | EnterRun
    | EditRun | CurvesRequest
    | SaveRuns | OpenRuns
    | Quit
)  # fmt: skip
Reply = (
    Ready | Loaded | Frame | Progress | Failure | CheckpointWritten | LandscapeFrame
    | RateTestFrame | TensorFrame | WalkFrame | CheckFrame | DecisionFrame | ResultsFrame
    | DigitFrame | NearestFrame | SampleFrame | TsneFrame | NumbersFrame | ElementFrame
    | CompareFrame
    | EmbeddingFrame | WhatIfFrame | HealthFrame | AttributionFrame | SpreadFrame
    | SamplesFrame | RaceFrame | NetSaved | WeightsLoaded | TimelineFrame | CurvesFrame | RunsSaved
    | RunsOpened | RunEntered
)  # fmt: skip

_encoder = msgspec.msgpack.Encoder()
_requests = msgspec.msgpack.Decoder(Request)
_replies = msgspec.msgpack.Decoder(Reply)


def encode(message: Request | Reply) -> bytes:
    """A message as it goes over the pipe, length first."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def decode_request(body: bytes) -> Request:
    """A request from its bytes without the length; raises WorkerError."""
    try:
        request: Request = _requests.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WorkerError(f"The window sent a message that was not understood: {error}.") from None
    return request


def decode_reply(body: bytes) -> Reply:
    """A reply from its bytes without the length; raises WorkerError."""
    try:
        reply: Reply = _replies.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WorkerError(f"The engine sent a message that was not understood: {error}.") from None
    return reply


class FrameReader:
    """Cuts a stream of bytes into messages, however the pieces arrive."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def in_the_midst(self) -> bool:
        """Whether a message has begun that is not complete."""
        return bool(self._held)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes in; yields the body of every message that is complete.

        Raises:
            WorkerError: a length that no message has; the stream is lost.
        """
        self._held += data
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if length > LARGEST:
                raise WorkerError(
                    "The stream between window and engine is damaged: a message claims to be of "
                    f"{length:,} bytes, and none is longer than {LARGEST:,}."
                )
            end = _LENGTH.size + length
            if len(self._held) < end:
                return
            body = bytes(self._held[_LENGTH.size : end])
            del self._held[:end]
            yield body
