"""Whatever net is loaded, every view of it is answered, or refused with a sentence."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest

import graphcore as gc
from graphcore import datasets, files, presets
from graphcore.records.arrays import pack
from graphcore.records.requests import Reply, Request
from graphcore.session import data_cache
from graphcore.session import messages as m
from graphcore.session.messages import Hold, HoldRequest
from graphcore.training.sample import Sample
from graphcore.views.comparison import CompareRequest
from graphcore.views.decision_map import DecisionRequest
from graphcore.views.digit_pad import DigitRequest, NearestRequest
from graphcore.views.embedding import EmbeddingFrame, EmbeddingRequest
from graphcore.views.health import HealthRequest
from graphcore.views.histograms import SpreadRequest
from graphcore.views.landscape import LandscapeRequest, SetPlanePoint
from graphcore.views.rate_test import RateTestRequest
from graphcore.views.results import ResultsFrame, ResultsRequest
from graphcore.views.saliency import AttributionFrame, AttributionRequest
from graphcore.views.samples import SampleFrame, SampleRequest, SamplesFrame, SamplesRequest
from graphcore.views.stepper import (
    CheckRequest,
    ElementRequest,
    NumbersRequest,
    WalkFrame,
    WalkRequest,
)
from graphcore.views.timeline import CurvesRequest, PutBack, ScrubRequest, TimelineRequest
from graphcore.views.weights import SetNumbers, TensorRequest
from graphcore.worker.protocol import FrameReader, decode_reply, encode
from graphcore.worker.serve import _Server
from tests.graphcore.engine.random_nets import Net, random_net, refrozen

pytestmark = pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
PAUSE = 6
"""So many pieces of work are done between two requests."""
MANY = 12
"""Of a net with more nodes, only some are looked at one by one, and gradients are not checked."""


class Script:
    """Requests that come one by one, with time to work in between."""

    def __init__(self, requests: list[Request]) -> None:
        self._requests = iter([*requests, m.Quit()])
        self._left = 0

    def get(self, timeout: float | None = None) -> Request:
        if self._left and timeout is not None:
            self._left -= 1
            raise queue.Empty
        self._left = PAUSE
        return next(self._requests)

    def get_nowait(self) -> Request:
        return self.get(0.0)

    def empty(self) -> bool:
        return True


def served(requests: list[Request]) -> list[Reply]:
    """What the engine says to requests; its replies go through the wire's form."""
    said: list[Reply] = []
    reader = FrameReader()

    def send(reply: Reply) -> None:
        said.extend(decode_reply(body) for body in reader.feed(encode(reply)))

    inbox: Any = Script(requests)
    _Server(send).loop(inbox)
    return said


def views_of(graph: gc.Graph) -> Iterator[Request]:
    """Every request of a view, about every node where it is about one."""
    names = tuple(n.name for n in graph)
    some = names[:: 1 + len(names) // MANY]
    yield m.Watch(values=names, gradients=names)
    yield m.NextFrame()
    yield from (HealthRequest(), ResultsRequest(), DecisionRequest(), CurvesRequest())
    yield from (TimelineRequest(), SampleRequest(names, 3), SampleRequest())
    for name in some:
        yield from (SpreadRequest(name), EmbeddingRequest(name), NumbersRequest(name))
        yield AttributionRequest(Sample(1), name)
    yield from (SpreadRequest(), EmbeddingRequest(), EmbeddingRequest(visible=False))
    pixels = pack(np.random.default_rng(0).random((28, 28)).astype(np.float32))
    yield DigitRequest(pixels, watch=names)
    yield from (NearestRequest(pixels), NearestRequest(pixels, node=names[-2]))
    yield from (SamplesRequest(), SamplesRequest("train", wrong=True), SamplesRequest(label=1))
    yield from (CompareRequest(1), CompareRequest())
    for plane in ("random", "pca", "random"):
        yield from (LandscapeRequest(plane=plane), m.NextFrame())  # type: ignore[arg-type]
    yield from (SetPlanePoint(0.1, 0.1), SetPlanePoint(0.0, 0.0, release=True, back=True))
    yield LandscapeRequest(visible=False)
    yield from (WalkRequest(), WalkRequest(batch=4, training=True))
    if len(names) <= MANY:
        yield CheckRequest()
    for name in some:
        yield from (ElementRequest(name, (0,)), ElementRequest(name, (0, 0), backward=True))
    hidden = next((n.name for n in graph if n.op.category in ("linear", "activation")), names[0])
    yield from (HoldRequest((Hold(hidden),), compare=True), HoldRequest())
    yield WalkRequest(visible=False)
    for parameter in [f"{n.name}.{p}" for n in graph for p in n.parameter_inputs]:
        yield TensorRequest(parameter)
    yield from (RateTestRequest(), RateTestRequest(run=False), ScrubRequest(1), PutBack())


def as_loaded(graph: gc.Graph) -> m.Load:
    small = {"mnist": "digits", "fashion-mnist": "digits"}
    training = graph.training
    training = msgspec.structs.replace(
        training, dataset=small.get(training.dataset, training.dataset), batch=16
    )
    graph.set_training(training)
    return m.Load(files.dumps(graph))


def failures(said: list[Reply]) -> list[str]:
    return [f"{r.kind}: {r.message}" for r in said if isinstance(r, m.Failure)]


@pytest.mark.parametrize("name", [n for n in presets.small() if n != "resnet8"])
def test_every_view_of_a_preset_with_frozen_parameters_is_answered(name: str) -> None:
    """All but the largest, whose views are those of the other nets over images."""
    graph = refrozen(presets.load(name), len(name))
    load = as_loaded(graph)
    said = served([
        load, m.SetSpeed(1000.0), m.Watch(values=tuple(n.name for n in graph)), m.NextFrame(),
        m.Run(steps=3), *[m.NextFrame()] * 4, *views_of(graph),
    ])  # fmt: skip
    assert any(isinstance(r, m.Loaded) for r in said), failures(said)
    assert not [f for f in failures(said) if f.startswith(("load", "run", "disk"))]


class DataOf:
    """In place of ``graphcore.datasets`` in a session: whatever is asked for is the net's data."""

    Dataset = datasets.Dataset
    called = staticmethod(datasets.called)

    def __init__(self, net: Net) -> None:
        self._data = net.data

    def load(self, *_: Any, **__: Any) -> datasets.Dataset:
        return self._data


def faults_of(net: Net) -> list[str]:
    """What goes wrong when a net is trained and every view of it is asked for.

    A request may be refused with a sentence; a fault is an answer with a stack, or no run.
    """
    names = tuple(n.name for n in net.graph)
    before, data_cache.datasets = data_cache.datasets, DataOf(net)  # type: ignore[assignment]
    try:
        said = served([
            m.Load(files.dumps(net.graph)), m.SetSpeed(1000.0), m.Watch(values=names),
            m.NextFrame(), m.Run(steps=3), *[m.NextFrame()] * 4, *views_of(net.graph),
        ])  # fmt: skip
    finally:
        data_cache.datasets = before  # type: ignore[assignment]
    if not any(isinstance(r, m.Loaded) for r in said):
        return failures(said)
    return [
        f"{r.kind}: {r.message}\n{r.details}" for r in said
        if isinstance(r, m.Failure) and (r.details or r.kind in ("load", "run", "disk"))
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_every_view_of_a_random_net_is_answered(seed: int) -> None:
    """Two hundred by ``python -m tests.bench.every_view``."""
    assert not faults_of(random_net(seed))


def test_a_net_with_more_answers_than_there_are_classes_names_them_by_number() -> None:
    graph = presets.load("mlp")
    last = [n for n in graph if n.operator == "Linear"][-1]
    graph.set_attributes(last, out_features=1000)
    load = as_loaded(graph)
    bias = [0.0] * 999 + [50.0]
    said = served([
        load, SetNumbers(f"{last.name}.bias", tuple(range(1000)), tuple(bias)),
        *views_of(graph),
    ])  # fmt: skip
    frames = {type(r): r for r in said}
    assert "999" in {r.answer for r in said if isinstance(r, AttributionFrame)}
    assert set(next(r for r in said if isinstance(r, SamplesFrame)).answers) == {"999"}
    assert frames[SampleFrame].classes[999] == "999"
    assert len(frames[ResultsFrame].classes) == 1000
    walk = next(r for r in said if isinstance(r, WalkFrame) and r.answer)
    assert walk.answer.startswith("999")
    placed = next(r for r in said if isinstance(r, EmbeddingFrame) and r.points is not None)
    assert len(placed.classes) == 1000


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e38])
@pytest.mark.parametrize("name", ["circle", "lenet5"])
def test_every_view_of_a_net_that_is_not_finite_is_answered(name: str, number: float) -> None:
    graph = presets.load(name)
    first = next(n for n in graph if n.parameter_inputs)
    said = served([
        as_loaded(graph), m.Run(steps=4), m.NextFrame(),
        SetNumbers(f"{first.name}.weight", (0, 1), (number, number)),
        *views_of(graph), DecisionRequest(warped=first.name),
        LandscapeRequest(plane="pca"), m.NextFrame(),
    ])  # fmt: skip
    assert any(isinstance(r, m.Loaded) for r in said)


@pytest.mark.parametrize(("name", "node"), [("circle", "tanh2"), ("tiny-conv", "logits")])
@pytest.mark.parametrize("attributes", [{}, {"dim": (0,)}, {"dim": (0,), "keepdim": True}])
def test_every_view_of_a_net_with_one_answer_for_the_whole_batch_is_answered(
    name: str, node: str, attributes: dict[str, Any]
) -> None:
    graph = presets.load(name)
    (source,) = [edge.source for edge in graph.edges_into(node)]
    onward = graph.edges_from(node)
    graph.remove(node)
    graph.connect(source, graph.add("Sum", name=node, **attributes))
    for edge in onward:
        graph.connect(node, edge.target, input=edge.input)
    names = tuple(n.name for n in graph)
    said = served([
        as_loaded(graph), m.Watch(values=names), m.NextFrame(), m.Run(steps=2), m.NextFrame(),
        *views_of(graph),
    ])  # fmt: skip
    assert any(isinstance(r, m.Loaded) for r in said), failures(said)
    assert not [r.details for r in said if isinstance(r, m.Failure) and r.details]
