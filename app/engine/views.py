"""What the window has the engine look at: requests for views, and signals for the answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from graphcore.records.arrays import pack
from graphcore.session import messages as m
from graphcore.session.messages import Hold, HoldRequest
from graphcore.training.sample import Sample
from graphcore.views.comparison import CompareFrame, CompareRequest
from graphcore.views.decision_map import DecisionFrame, DecisionRequest
from graphcore.views.drawing import DigitFrame, DigitRequest, NearestFrame, NearestRequest
from graphcore.views.embedding import EmbeddingFrame, EmbeddingRequest, TsneFrame, TsneRequest
from graphcore.views.health import HealthFrame, HealthRequest
from graphcore.views.histograms import SpreadFrame, SpreadRequest
from graphcore.views.landscape import LandscapeFrame, LandscapeRequest, SetPlanePoint
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
from graphcore.worker.protocol import Request


class EngineViews(QObject):
    """The side of the engine that looks and does not train.

    What is looked at is told again to a process that takes another's place.

    Attributes:
        covered: nodes whose values a view shows on the canvas, in place of the running step's.
        drawing: whether the canvas shows what the net makes of a drawing, and of nothing else.
        chosen_sample: the one that the stepper and all that belongs to it look at.

    Signals:
        landscape, walk, numbers, element, checked, decision, rates, tensor, what_if, results,
            health, embedding, attribution, spread, race, digit, nearest, sample, tsne,
            net_saved, weights_loaded, timeline, curves, comparison: the frame of that name, as
            ``graphcore.worker`` sends it.
        uncovered: names of nodes whose values a view showed on the canvas until now.
        samples: a page of the data set. sample_chosen: ``chosen_sample`` is another.
        held: other values are held, or none: ``holds``.
    """

    landscape = Signal(object)
    walk = Signal(object)
    numbers = Signal(object)
    element = Signal(object)
    checked = Signal(object)
    decision = Signal(object)
    rates = Signal(object)
    tensor = Signal(object)
    what_if = Signal(object)
    held = Signal(object)
    results = Signal(object)
    health = Signal(object)
    embedding = Signal(object)
    samples = Signal(object)
    uncovered = Signal(object)
    sample_chosen = Signal(object)
    attribution = Signal(object)
    spread = Signal(object)
    race = Signal(object)
    digit = Signal(object)
    nearest = Signal(object)
    sample = Signal(object)
    tsne = Signal(object)
    net_saved = Signal(object)
    weights_loaded = Signal(object)
    timeline = Signal(object)
    curves = Signal(object)
    runs_saved = Signal(object)
    runs_opened = Signal(object)
    comparison = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._looked_at: dict[type, Request] = {}
        self.chosen_sample = Sample()
        self._watched = m.Watch()
        self._closely: tuple[str, ...] = ()
        self.covered: frozenset[str] = frozenset()
        self.drawing = False

    def _send(self, message: Request) -> None:
        raise NotImplementedError

    def _want_frame(self) -> None:
        raise NotImplementedError

    def _look(self, request: Request) -> None:
        """Send what is looked at from now on, if it is not that already."""
        if self._looked_at.get(type(request)) != request:
            self._looked_at[type(request)] = request
            self._send(request)

    def watch(self, values: tuple[str, ...], gradients: tuple[str, ...], level: str = "") -> None:
        """Say which nodes' pictures can be seen just now, and on which level."""
        self._watched = m.Watch(values, gradients, level=level)
        self._tell_watched()

    def watch_closely(self, nodes: tuple[str, ...]) -> None:
        """Say of which nodes both values and gradients are wanted, whatever the canvas shows."""
        self._closely = nodes
        self._tell_watched()

    def _tell_watched(self) -> None:
        w = self._watched
        values = tuple(dict.fromkeys((*w.values, *self._closely)))
        gradients = tuple(dict.fromkeys((*w.gradients, *self._closely)))
        self._look(m.Watch(values, gradients, level=w.level))

    def request_landscape(self, request: LandscapeRequest) -> None:
        """Say which surface is wanted, or that none is."""
        self._look(request)

    def request_walk(self, request: WalkRequest) -> None:
        """Say whether both passes of a sample are wanted; ``walk`` brings them."""
        self._look(request)

    def ask_numbers(self, name: str) -> None:
        """Have all numbers of a node or a parameter at the shown sample sent; ``numbers`` tells."""
        self._send(NumbersRequest(name))

    def ask_element(self, node: str, index: tuple[int, ...] = (), backward: bool = False) -> None:
        """Have one number of a node's output, or of a gradient, written out; ``element`` tells."""
        self._send(ElementRequest(node, index, backward))

    def check_gradients(self, step: float, part: str = "") -> None:
        """Have gradients compared with finite differences of a step; ``checked`` tells.

        Args:
            part: see ``CheckRequest``.
        """
        self._send(CheckRequest(step, part))

    def watch_decision(self, visible: bool, warped: str = "") -> None:
        """Whether the map of a net over two inputs can be seen, and how a layer warps it."""
        self._look(DecisionRequest(visible, warped))

    def cover(self, nodes: frozenset[str]) -> None:
        """Say which nodes' values the canvas is shown by a view, and not by the running step.

        Those that a view no longer shows get the running step's again.
        """
        bare, self.covered = self.covered - nodes, nodes
        if bare:
            self.uncovered.emit(bare)
            self._watch_again()

    def show_drawing(self, on: bool) -> None:
        """Say whether the canvas is shown a drawing; behind it come the running step's values."""
        back = self.drawing and not on
        self.drawing = on
        if back:
            self._watch_again()

    def _watch_again(self) -> None:
        """Have the values of the running step sent once more."""
        if (watched := self._looked_at.get(m.Watch)) is not None:
            self._send(watched)
            self._want_frame()

    def watch_results(self, visible: bool) -> None:
        """Whether the results on the test set can be seen."""
        self._look(ResultsRequest(visible))

    def watch_health(self, visible: bool) -> None:
        """Whether the examination of the net can be seen."""
        self._look(HealthRequest(visible))

    def watch_embedding(self, visible: bool, node: str) -> None:
        """Whether the samples as points can be seen, and by which node's values."""
        self._look(EmbeddingRequest(visible, node))

    def embed(self, run: bool, node: str) -> None:
        """Begin t-SNE of a node's values, or end it; ``tsne`` tells how far it is."""
        self._send(TsneRequest(run, node))

    def watch_sample(self, nodes: tuple[str, ...], sample: int) -> None:
        """Whose values and gradients can be seen for a test sample; ``sample`` brings them."""
        self._look(SampleRequest(nodes, sample))

    def watch_spread(self, node: str) -> None:
        """Whose histograms can be seen; "" for nobody's."""
        self._look(SpreadRequest(node))

    def hold(self, holds: tuple[Hold, ...]) -> None:
        """Hold these values while one looks; ``walk`` and ``what_if`` tell what follows."""
        self._look(HoldRequest(holds, compare=bool(holds)))
        self.held.emit(holds)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What is held."""
        request = self._looked_at.get(HoldRequest)
        return request.holds if isinstance(request, HoldRequest) else ()

    def test_rates(self, run: bool) -> None:
        """Begin the learning-rate range test, or end it; ``rates`` tells what it finds."""
        self._send(RateTestRequest(run))

    def request_race(self, request: RaceRequest) -> None:
        """Begin a race, or end it; ``race`` tells how far the runners are."""
        self._send(request)

    def ask_tensor(self, name: str) -> None:
        """Have the numbers of a parameter sent; ``tensor`` brings them."""
        self._send(TensorRequest(name))

    def set_numbers(self, name: str, places: tuple[int, ...], values: tuple[float, ...]) -> None:
        """Change numbers of a parameter by hand."""
        self._send(SetNumbers(name, places, values))
        self.ask_tensor(name)

    def choose_sample(self, sample: Sample) -> None:
        """Look at this sample from now on."""
        if sample != self.chosen_sample:
            self.chosen_sample = sample
            self.sample_chosen.emit(sample)

    def ask_samples(self, request: SamplesRequest) -> None:
        """Have a page of the data set sent; ``samples`` brings it."""
        self._send(request)

    def ask_attribution(self, node: str) -> None:
        """Have the answer to the chosen sample explained; ``attribution`` tells."""
        self._send(AttributionRequest(self.chosen_sample, node))

    def ask_digit(self, pixels: np.ndarray, centred: bool) -> None:
        """Run a drawing through the net; ``digit`` tells what it makes of it."""
        watched = self._looked_at.get(m.Watch)
        names = watched.values if isinstance(watched, m.Watch) else ()
        self._send(DigitRequest(pack(pixels), centred, names))

    def ask_nearest(self, pixels: np.ndarray, centred: bool, node: str) -> None:
        """Have the training samples found that are like a drawing; ``nearest`` tells."""
        self._send(NearestRequest(pack(pixels), centred, node))

    def scrub(self, step: int | None) -> None:
        """Let every view show a recorded step; None: the newest. ``timeline`` tells."""
        self._send(ScrubRequest(step))
        self._send(m.NextFrame())  # at once: the views follow the slider

    def put_learned_back(self) -> None:
        """The weights that training had left, in place of those changed by hand."""
        self._send(PutBack())
        self._want_frame()

    def enter_run(self, number: int) -> None:
        """Go to another run of the session."""
        self._send(EnterRun(number))
        self._want_frame()

    def edit_run(self, number: int, name: str = "", remove: bool = False) -> None:
        """Rename or remove a run."""
        self._send(EditRun(number, name, remove))

    def save_runs(self, path: str) -> None:
        """Have all runs written to a file; ``runs_saved`` tells."""
        self._send(SaveRuns(path))

    def open_runs(self, path: str) -> None:
        """Take up the runs of a file; ``runs_opened`` tells."""
        self._send(OpenRuns(path))
        self._want_frame()

    def watch_curves(self, visible: bool) -> None:
        """Whether the curves of all runs can be seen."""
        self._look(CurvesRequest(visible))

    def watch_comparison(self, request: CompareRequest) -> None:
        """Put another run beside the one at work, or none; ``comparison`` tells."""
        self._look(request)

    def save_net(self, folder: str) -> None:
        """Have graph and weights written to a folder; ``net_saved`` tells."""
        self._send(SaveNet(folder))

    def load_weights(self, path: str) -> None:
        """Fill the net from a safetensors file; ``weights_loaded`` tells what fitted."""
        self._send(LoadWeights(path))
        self._want_frame()

    def set_weights_on_plane(self, a: float, b: float, release: bool = False) -> None:
        """Give the net the weights at a point of the shown surface."""
        self._send(SetPlanePoint(a, b, release))
        self._want_frame()

    def put_weights_back(self) -> None:
        """The weights of before the last drag over the surface, unless the net learned since."""
        self._send(SetPlanePoint(0.0, 0.0, back=True))
        self._want_frame()


SHOWN: dict[type, Any] = {
    LandscapeFrame: lambda self, reply: self.landscape.emit(reply),
    WalkFrame: lambda self, reply: self.walk.emit(reply),
    NumbersFrame: lambda self, reply: self.numbers.emit(reply),
    ElementFrame: lambda self, reply: self.element.emit(reply),
    CheckFrame: lambda self, reply: self.checked.emit(reply),
    DecisionFrame: lambda self, reply: self.decision.emit(reply),
    RateTestFrame: lambda self, reply: self.rates.emit(reply),
    TensorFrame: lambda self, reply: self.tensor.emit(reply),
    WhatIfFrame: lambda self, reply: self.what_if.emit(reply),
    ResultsFrame: lambda self, reply: self.results.emit(reply),
    SamplesFrame: lambda self, reply: self.samples.emit(reply),
    AttributionFrame: lambda self, reply: self.attribution.emit(reply),
    RaceFrame: lambda self, reply: self.race.emit(reply),
    SpreadFrame: lambda self, reply: self.spread.emit(reply),
    HealthFrame: lambda self, reply: self.health.emit(reply),
    EmbeddingFrame: lambda self, reply: self.embedding.emit(reply),
    DigitFrame: lambda self, reply: self.digit.emit(reply),
    NearestFrame: lambda self, reply: self.nearest.emit(reply),
    SampleFrame: lambda self, reply: self.sample.emit(reply),
    CompareFrame: lambda self, reply: self.comparison.emit(reply),
    TsneFrame: lambda self, reply: self.tsne.emit(reply),
    NetSaved: lambda self, reply: self.net_saved.emit(reply),
    WeightsLoaded: lambda self, reply: self.weights_loaded.emit(reply),
    TimelineFrame: lambda self, reply: self.timeline.emit(reply),
    RunsSaved: lambda self, reply: self.runs_saved.emit(reply),
    CurvesFrame: lambda self, reply: self.curves.emit(reply),
}
"""What becomes of each reply that is a view."""

OF_THE_NET = {
    m.Loaded, LandscapeFrame, WalkFrame, DecisionFrame, ResultsFrame, HealthFrame, SpreadFrame,
    EmbeddingFrame, SampleFrame, CompareFrame, WhatIfFrame,
}  # fmt: skip
"""Replies that are sent again of every net: those of one that is no more are not shown."""
