"""The pipe between the window and the engine process: messages as bytes, and bytes as messages."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from graphcore.errors import WorkerError
from graphcore.session.messages import (
    CheckpointWritten,
    Failure,
    Frame,
    Hello,
    HoldRequest,
    Load,
    Loaded,
    NextFrame,
    Pause,
    Progress,
    Quit,
    Ready,
    Reset,
    Run,
    RunEntered,
    RunsOpened,
    SetRate,
    SetSpeed,
    Watch,
)
from graphcore.views.comparison import CompareFrame, CompareRequest
from graphcore.views.decision_map import DecisionFrame, DecisionRequest
from graphcore.views.drawing import DigitFrame, DigitRequest, NearestFrame, NearestRequest
from graphcore.views.embedding import EmbeddingFrame, EmbeddingRequest, TsneFrame, TsneRequest
from graphcore.views.health import HealthFrame, HealthRequest
from graphcore.views.histograms import SpreadFrame, SpreadRequest
from graphcore.views.landscape import LandscapeFrame, LandscapeRequest, SetPlanePoint
from graphcore.views.lesson import FactsFrame, FactsRequest
from graphcore.views.net_files import LoadWeights, NetSaved, SaveNet, WeightsLoaded
from graphcore.views.race import RaceFrame, RaceRequest
from graphcore.views.rate_test import RateTestFrame, RateTestRequest
from graphcore.views.results import ResultsFrame, ResultsRequest
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
    ScrubRequest,
    TimelineFrame,
)
from graphcore.views.timeline.run_files import OpenRuns, RunsSaved, SaveRuns
from graphcore.views.weights import SetNumbers, TensorFrame, TensorRequest
from graphcore.views.what_if import WhatIfFrame

LARGEST = 1 << 30


_LENGTH = struct.Struct(">I")


Request = (
    Hello | Load | Run | Pause | Reset | SetRate | SetSpeed | Watch | NextFrame | LandscapeRequest
    | SetPlanePoint | WalkRequest | CheckRequest | DecisionRequest | ResultsRequest
    | DigitRequest | RateTestRequest | TensorRequest | SetNumbers | HoldRequest
    | NearestRequest | SampleRequest | TsneRequest | NumbersRequest | ElementRequest
    | CompareRequest | FactsRequest
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
    | CompareFrame | FactsFrame
    | EmbeddingFrame | WhatIfFrame | HealthFrame | AttributionFrame | SpreadFrame
    | SamplesFrame | RaceFrame | NetSaved | WeightsLoaded | TimelineFrame | CurvesFrame | RunsSaved
    | RunsOpened | RunEntered
)  # fmt: skip


_encoder = msgspec.msgpack.Encoder()


_requests = msgspec.msgpack.Decoder(Request)


_replies = msgspec.msgpack.Decoder(Reply)


def encode(message: msgspec.Struct) -> bytes:
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
