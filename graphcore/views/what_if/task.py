"""Holds in the engine process: the stepper's net with them, and their effect on the test split."""

from __future__ import annotations

from typing import Any

from graphcore.engine.plan import Plan
from graphcore.errors import GradscapeError
from graphcore.graph.graph import Graph
from graphcore.session.session import Session
from graphcore.views.what_if import HoldRequest, WhatIfFrame
from graphcore.views.what_if.compute import compare, held_graph, held_plan, values_of


class WhatIfTask:
    """Keeps what is held; computes nothing while the net trains."""

    def __init__(self) -> None:
        self.request = HoldRequest()
        self.problem = ""
        self._compared: Any = None

    def hold(self, request: HoldRequest) -> None:
        """Hold these from now on."""
        self.request, self._compared, self.problem = request, None, ""

    def graph(self, session: Session) -> Graph | None:
        """The held graph; None where nothing is held, or it cannot be."""
        if not self.request.holds:
            return None
        try:
            values = values_of(self.request.holds, session.trainer)
            own = session.graph if session.trainer is None else session.trainer.graph
            return held_graph(own, self.request.holds, values)
        except (GradscapeError, IndexError) as error:
            self.problem = f"That cannot be held: {error}"
            return None

    def plan(self, session: Session, like: Plan) -> tuple[Plan, Graph] | None:
        """A plan of the held graph that keeps every value, and the graph."""
        graph = self.graph(session)
        if graph is None:
            return None
        try:
            return held_plan(graph, like), graph
        except GradscapeError as error:
            self.problem = f"That cannot be held: {error}"
            return None

    def has_work(self, session: Session) -> bool:
        """Whether the figures are out of date."""
        wanted = self.request.compare and self.request.holds and session.trainer is not None
        return bool(wanted) and not session.running and self._state(session) != self._compared

    def _state(self, session: Session) -> Any:
        trainer = session.trainer
        return id(trainer), trainer.step if trainer else 0, session.weights_moved

    def work(self, session: Session) -> WhatIfFrame | None:
        """The figures, if they are wanted and out of date."""
        if not self.has_work(session) or session.trainer is None:
            return None
        self._compared = self._state(session)
        graph = self.graph(session)
        if graph is None:
            return WhatIfFrame(problem=self.problem)
        try:
            return compare(session.trainer, graph)
        except (GradscapeError, IndexError) as error:
            return WhatIfFrame(problem=f"That cannot be held: {error}")
