"""What a lesson's expressions come to with the net of a session."""

from __future__ import annotations

from graphcore.errors import GradscapeError
from graphcore.lessons import facts  # noqa: F401 - registers the functions
from graphcore.lessons.functions import known_fact
from graphcore.lessons.language import parse
from graphcore.lessons.recording import Mark, mark, recording
from graphcore.lessons.state import State
from graphcore.session.session import Session
from graphcore.views.lesson import (
    FactsFrame,
    FactsRequest,
    MarkRequest,
    Proposed,
    RecordingFrame,
    RecordingRequest,
)
from graphcore.views.view import view

MOST = 64
"""Expressions of one request."""


class LessonTask:
    """Answers a lesson's questions; remembers what its step began with."""

    def __init__(self) -> None:
        self._state: State | None = None
        self._mark: Mark | None = None

    def state(
        self, session: Session, request: FactsRequest | MarkRequest | RecordingRequest
    ) -> State:
        """What checks look at, with what the window shows now."""
        state = self._state
        if state is None or state.session is not session:
            state = self._state = State(session)
        state.shown, state.plane = frozenset(request.shown), request.plane
        return state

    def mark(self, session: Session, request: MarkRequest) -> None:
        """Record from here on."""
        self._mark = mark(self.state(session, request))

    def recorded(self, session: Session, request: RecordingRequest) -> RecordingFrame:
        """What was done since the mark."""
        if self._mark is None:
            return RecordingFrame(problem="Nothing was recorded: begin a recording first.")
        found = recording(self.state(session, request), self._mark)
        proposals = tuple(Proposed(p.check, p.otherwise, p.likely) for p in found.proposals)
        return RecordingFrame(proposals=proposals, solution=found.solution, whole=found.whole)

    def answer(self, session: Session, request: FactsRequest) -> FactsFrame:
        """Compute the expressions of a request."""
        state = self.state(session, request)
        if request.begins:
            state.begin()
        values: dict[str, float | str | bool] = {}
        problems: dict[str, str] = {}
        for text in request.expressions[:MOST]:
            try:
                values[text] = state.value(parse(text, known_fact))
            except GradscapeError as error:
                problems[text] = str(error)
        return FactsFrame(number=request.number, values=values, problems=problems)


@view(FactsRequest)
def answered(session: Session, request: FactsRequest) -> FactsFrame:
    """What the expressions of a request come to."""
    return session.part(LessonTask).answer(session, request)


@view(MarkRequest)
def marked(session: Session, request: MarkRequest) -> None:
    """Record from here on."""
    session.part(LessonTask).mark(session, request)


@view(RecordingRequest)
def recorded(session: Session, request: RecordingRequest) -> RecordingFrame:
    """What was done since the mark."""
    return session.part(LessonTask).recorded(session, request)
