"""Maps, results and drawings for the window, within a share of the worker's time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from graphcore.errors import GradscapeError
from graphcore.records.arrays import unpack
from graphcore.runs.curves import Curves
from graphcore.session.pace import rest
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.views.comparison import CompareFrame, CompareRequest
from graphcore.views.comparison.compute import Counterpart, compare
from graphcore.views.decision_map import DecisionFrame, DecisionRequest
from graphcore.views.decision_map import compute as probing
from graphcore.views.drawing import DigitFrame, DigitRequest, NearestFrame, NearestRequest
from graphcore.views.drawing.compute import digit
from graphcore.views.drawing.nearest import nearest
from graphcore.views.embedding import EmbeddingFrame, EmbeddingRequest
from graphcore.views.embedding import compute as embedding
from graphcore.views.health import HealthFrame, HealthRequest
from graphcore.views.health import compute as health
from graphcore.views.histograms import SpreadFrame, SpreadRequest
from graphcore.views.histograms import compute as spread
from graphcore.views.results import ResultsFrame, ResultsRequest
from graphcore.views.results.compute import results_in_pieces
from graphcore.views.samples.chosen_sample import chosen_sample
from graphcore.views.samples.shown import SampleFrame, SampleRequest

ProbeFrame = (
    DecisionFrame | ResultsFrame | HealthFrame | SpreadFrame | EmbeddingFrame | SampleFrame
    | CompareFrame
)  # fmt: skip
Maker = Callable[[], ProbeFrame | Iterator[ProbeFrame | None]]
"""Makes a view, or its pieces: None after each but the last."""
SHARE = 0.03
"""Share of the time that each view may take while the net trains."""
REST = 0.1
"""Seconds between two of the same view while the net trains, however little they take."""
PROBLEM_REST = 1.0
"""Seconds between two times that a view says why it is empty."""
MAP_SHARE, MAP_REST = 0.05, 1 / 30
"""Those of the decision map: with a net of two inputs it is what one looks at."""


class ProbeTask:
    """What the window looks at, made anew when the weights have changed and it is time."""

    def __init__(self) -> None:
        self._decision = _View(MAP_SHARE, MAP_REST)
        self._results, self._health = _View(), _View()
        self._warped = ""
        self._spread, self._spread_of = _View(), ""
        self._past_told: object = None
        self._embedding, self._embedded = _View(), ""
        self._sample, self._sampled = _View(), SampleRequest()
        self._compare, self._compared = _View(), CompareRequest()
        self._other: Counterpart | None = None
        self._at_work = self._decision

    def watch_decision(self, request: DecisionRequest) -> None:
        """Whether the map can be seen."""
        self._warped = request.warped
        self._decision.set_visible(request.visible)

    def watch_results(self, request: ResultsRequest) -> None:
        """Whether the results can be seen."""
        self._results.set_visible(request.visible)

    def watch_health(self, request: HealthRequest) -> None:
        """Whether the examination can be seen."""
        self._health.set_visible(request.visible)

    def watch_spread(self, request: SpreadRequest) -> None:
        """Whose histograms can be seen."""
        self._spread_of, self._past_told = request.node, None
        self._spread.set_visible(bool(request.node))

    def watch_embedding(self, request: EmbeddingRequest) -> None:
        """Whether the embedding can be seen, and of which node."""
        self._embedded = request.node
        self._embedding.set_visible(request.visible)

    def watch_sample(self, request: SampleRequest) -> None:
        """Which test sample is looked at, and at which nodes."""
        self._sampled = request
        self._sample.set_visible(bool(request.nodes))

    def watch_comparison(self, request: CompareRequest) -> None:
        """Which run is put beside the one at work."""
        self._compared = request
        self._compare.set_visible(bool(request.run))

    def _comparison(self, session: Session, trainer: Trainer) -> CompareFrame:
        runs, request = session.runs, self._compared
        try:
            run = runs.get(request.run)
            if self._other is None or self._other.run is not run:
                self._other = Counterpart(run, trainer.plan)
        except GradscapeError as error:
            return CompareFrame(problem=str(error))
        return compare(trainer, runs.current.name if runs.current else "", self._other, request)

    def _spreads(self, session: Session, trainer: Trainer) -> Iterator[SpreadFrame | None]:
        """With what came before, when it is looked at anew or the step is not the next."""
        run, moved = session.runs.current, session.weights_moved
        if run is None or self._past_told == (run, moved):
            yield spread.spread(trainer, self._spread_of)
            return
        for frame in spread.spread_since_start(trainer, self._spread_of, run.timeline):
            if frame is not None:
                self._past_told = run, moved
            yield frame

    def has_work(self, session: Session) -> bool:
        """Whether there is something to compute while nothing trains."""
        views = (
            self._decision, self._results, self._health, self._spread, self._embedding,
            self._sample, self._compare,
        )  # fmt: skip
        return any(v.due(session) for v in views)

    def work(self, session: Session) -> ProbeFrame | None:
        """One view that it is time for, or a piece of it."""
        trainer = session.trainer
        if trainer is None:
            return None
        sampled = self._sampled
        makers: tuple[tuple[_View, Maker], ...] = (
            (self._sample, lambda: chosen_sample(trainer, sampled.nodes, sampled.sample)),
            (self._compare, lambda: self._comparison(session, trainer)),
            (self._decision, lambda: probing.decision_map(trainer, self._warped)),
            (self._results, lambda: results_in_pieces(trainer)),
            (self._spread, lambda: self._spreads(session, trainer)),
            (self._embedding, lambda: embedding.embed(trainer, self._embedded)),
            (self._health, lambda: health.examine(trainer, _curves(session))),
        )
        for view, make in makers:
            if view.due(session):
                self._at_work = view
                return view.work(session, make)
        return None

    def drop(self, session: Session) -> None:
        """Leave out the view that was worked on, until it is asked for or another net comes."""
        self._at_work.leave_out(session)

    def digit(self, request: DigitRequest, trainer: Trainer | None) -> DigitFrame:
        """What the net makes of a drawing, at once."""
        if trainer is None:
            return DigitFrame(problem="There is no net to show the drawing to.")
        return digit(trainer, unpack(request.pixels), request.centred, request.watch)

    def nearest(self, request: NearestRequest, trainer: Trainer | None) -> NearestFrame:
        """The training samples that are most like a drawing, at once."""
        if trainer is None:
            return NearestFrame(node=request.node)
        return nearest(trainer, unpack(request.pixels), request.centred, request.node)


def _curves(session: Session) -> Curves | None:
    return session.runs.current.curves if session.runs.current is not None else None


class _View:
    """When one view is due: it can be seen, the weights are others, and it has rested enough."""

    def __init__(self, share: float = SHARE, rest: float = REST) -> None:
        self._share, self._rest = share, rest
        self._visible = False
        self._shown: object = None
        self._rest_until = self._took = 0.0
        self._pieces: Iterator[ProbeFrame | None] | None = None
        self._pieces_of: object = None
        self._left_out: object = None

    def set_visible(self, visible: bool) -> None:
        self._visible, self._shown, self._pieces = visible, None, None
        self._left_out = None

    def leave_out(self, session: Session) -> None:
        self._left_out, self._pieces = session.trainer, None

    def due(self, session: Session) -> bool:
        if not self._visible or session.trainer in (None, self._left_out):
            return False
        hurried = session.running and not session.unhurried
        if hurried and time.perf_counter() < self._rest_until:
            return False
        return self._pieces is not None or self._state(session) != self._shown

    def work(self, session: Session, make: Maker) -> ProbeFrame | None:
        """The view, or the next piece of it; weights changed by hand begin it anew."""
        begun, moment = time.perf_counter(), (session.trainer, session.weights_moved)
        if self._pieces is None or self._pieces_of != moment:
            self._shown, self._pieces_of, self._took = self._state(session), moment, 0.0
            made = make()
            self._pieces = made if isinstance(made, Iterator) else iter((made,))
        frame = next(self._pieces)
        now = time.perf_counter()
        self._took += now - begun
        if frame is not None:
            self._pieces = self._pieces_of = None
            least = PROBLEM_REST if getattr(frame, "problem", "") else self._rest
            self._rest_until = now + max(least, rest(self._took, self._share))
        return frame

    @staticmethod
    def _state(session: Session) -> object:
        trainer = session.trainer
        return id(trainer), trainer.step if trainer else 0, session.weights_moved
