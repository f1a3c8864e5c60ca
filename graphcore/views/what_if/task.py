"""Holds in the engine process: the stepper's net with them, and their effect on the test split."""

from __future__ import annotations

from typing import Any

from graphcore.errors import GradscapeError
from graphcore.session.session import Session
from graphcore.views.what_if import WhatIfFrame
from graphcore.views.what_if.compute import compare


class WhatIfTask:
    """Compares the held net with the free one; computes nothing while the net trains."""

    def __init__(self) -> None:
        self._compared: Any = None

    def again(self) -> None:
        """Compare once more: other values are held."""
        self._compared = None

    def has_work(self, session: Session) -> bool:
        """Whether the figures are out of date."""
        wanted = (
            session.holds.request.compare
            and session.holds.request.holds
            and session.trainer is not None
        )
        return bool(wanted) and not session.running and self._state(session) != self._compared

    def _state(self, session: Session) -> Any:
        trainer = session.trainer
        return id(trainer), trainer.step if trainer else 0, session.weights_moved

    def work(self, session: Session) -> WhatIfFrame | None:
        """The figures, if they are wanted and out of date."""
        if not self.has_work(session) or session.trainer is None:
            return None
        self._compared = self._state(session)
        graph = session.held_graph()
        if graph is None:
            return WhatIfFrame(problem=session.holds.problem)
        try:
            return compare(session.trainer, graph)
        except (GradscapeError, IndexError) as error:
            return WhatIfFrame(problem=f"That cannot be held: {error}")
