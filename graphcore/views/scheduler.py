"""One scheduler for all that is looked at: within a share of the time, a slice at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from graphcore.errors import WorkerError
from graphcore.records.requests import Job, Look, Reply, Request
from graphcore.session.faults import WindowGone, failure
from graphcore.session.pace import rest
from graphcore.session.session import Session
from graphcore.views.view import EACH_TURN, VIEWS, View

PROBLEM_REST = 1.0
"""Seconds between two times that a view says why it is empty."""
_OVER = object()
T = TypeVar("T")


class Scheduler:
    """Answers requests, keeps up to date what is looked at, and goes on with jobs.

    Each turn of the engine's loop one view is computed, or a piece of it, and a slice of every
    job. An error ends what it was in, and nothing else.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._looks: dict[type[Request], _Look] = {}
        self._jobs: dict[type[Request], _Job] = {}
        self._failed: dict[Callable[[Session], None], object] = {}
        self._said: dict[str, tuple[int, str]] = {}  # the last fault of each, and of which net
        self._turn = 0

    def take(self, request: Request) -> None:
        """Serve a request; raises what goes wrong, WorkerError where nothing serves it."""
        view = VIEWS.get(type(request))
        if view is None:
            raise WorkerError(f"Nothing serves the request {type(request).__name__}.")
        if isinstance(request, Look):
            self._session.look(request)
            self._said.pop(view.name, None)
            self._looks[type(request)] = _Look(view, request)
        elif isinstance(request, Job):
            self._end(type(request))
            if request.run:
                self._jobs[type(request)] = _Job(view, request, self._session)
        else:
            self._tell(view.answer(self._session, request))

    def try_again(self) -> None:
        """Give what has failed another chance."""
        self._failed.clear()
        self._said.clear()
        for look in self._looks.values():
            look.failed_at = None

    def forget(self) -> None:
        """End what belongs to the document before, and drop what was kept of it."""
        for kind in list(self._jobs):
            self._end(kind)
        self._session.parts.clear()

    def has_work(self) -> bool:
        """Whether there is something to compute while nothing trains."""
        return bool(self._jobs) or self.has_looks()

    def has_looks(self) -> bool:
        """Whether something that is looked at is out of date, and it is time for it."""
        return any(self._due(look) for look in self._looks.values())

    def first(self) -> list[Reply]:
        """Compute what is to be known before training goes on."""
        looks = [look for look in self._looks.values() if look.view.first and self._due(look)]
        made = [self._made(look) for look in looks]
        return [reply for reply in made if reply is not None]

    def work(self) -> None:
        """Compute the view that has waited longest, or a piece of it, and a slice of every job."""
        for follow in EACH_TURN:
            self._follow(follow)
        due = [x for x in self._looks.values() if not x.view.first and self._due(x)]
        if due:
            self._tell(self._made(min(due, key=lambda look: look.turn)))
        for kind, job in list(self._jobs.items()):
            if not self._slice(job) and self._jobs.get(kind) is job:
                del self._jobs[kind]

    # -- parts of a turn ----------------------------------------------------------------------

    def _tell(self, reply: Reply | None) -> None:
        if reply is not None:
            self._session.send(reply)

    def _end(self, kind: type[Request]) -> None:
        job = self._jobs.pop(kind, None)
        if job is not None:
            job.slices.close()

    def _due(self, look: _Look) -> bool:
        return bool(self._guarded(look.view.name, lambda: look.due(self._session), look.give_up))

    def _made(self, look: _Look) -> Reply | None:
        self._turn += 1
        look.turn = self._turn
        return self._guarded(look.view.name, lambda: look.work(self._session), look.give_up)

    def _slice(self, job: _Job) -> bool:
        """Whether the job goes on."""
        reply = self._guarded(job.view.name, lambda: next(job.slices, _OVER), job.give_up)
        if isinstance(reply, Reply):
            self._tell(reply)
        return reply is not _OVER and not job.failed

    def _follow(self, follow: Callable[[Session], None]) -> None:
        session = self._session
        if self._failed.get(follow, _OVER) == id(session.net):
            return

        def give_up(_session: Session, _sentence: str) -> None:
            self._failed[follow] = id(session.net)

        name = f"the {follow.__module__.split('.')[2]}"
        self._guarded(name, lambda: follow(session), give_up)

    def _guarded(
        self, name: str, action: Callable[[], T], give_up: Callable[[Session, str], Reply | None]
    ) -> T | None:
        """Do something; what goes wrong is said, and what it was in is given up."""
        try:
            return action()
        except WindowGone:
            raise
        except Exception as error:
            told = failure("request", error, name)
            once = id(self._session.net), told.message
            if self._said.get(name) != once:
                self._said[name] = once
                self._session.send(told)
            self._tell(give_up(self._session, told.message))
            return None


class _Look:
    """When one view is due: it can be seen, the weights are others, and it has rested enough.

    Attributes:
        turn: when it was worked on last.
        failed_at: of which net it could not be computed.
    """

    def __init__(self, view: View, request: Look) -> None:
        self.view, self._request = view, request
        self.turn = 0
        self.failed_at: object = None
        self._shown: object = None
        self._rest_until = self._took = 0.0
        self._pieces: Iterator[Reply | None] | None = None
        self._pieces_of: object = None

    def give_up(self, session: Session, _sentence: str) -> None:
        """Leave the view out until it is asked for or another net comes."""
        self.failed_at, self._pieces = self._cause(session), None

    def _cause(self, session: Session) -> object:
        return id(session.net), self.view.also(session)

    def due(self, session: Session) -> bool:
        """Whether it is time to compute the view, or to go on with it."""
        view = self.view
        if not self._request.wanted:
            return False
        if self.failed_at is not None and self.failed_at == self._cause(session):
            return False
        if view.due is not None:
            return view.due(session, self._request)
        if session.trainer is None and not view.without_run:
            return False
        if session.running and not self._is_made_while_training():
            return False
        hurried = session.running and not session.loop.unhurried
        if hurried and time.perf_counter() < self._rest_until:
            return False
        return self._pieces is not None or self._state(session) != self._shown

    def _is_made_while_training(self) -> bool:
        how = self.view.while_training
        begun = self._pieces is not None
        return how == "kept" or (how == "once" and (begun or self._shown is None))

    def work(self, session: Session) -> Reply | None:
        """Compute the view, or the next piece of it; weights changed by hand restart it."""
        if self.view.due is not None:
            reply: Reply | None = self.view.answer(session, self._request)
            return reply
        begun, moment = time.perf_counter(), (session.net, session.weights_moved)
        if self._pieces is None or self._pieces_of != moment:
            self._shown, self._pieces_of, self._took = self._state(session), moment, 0.0
            made = self.view.answer(session, self._request)
            self._pieces = made if isinstance(made, Iterator) else None
            piece = made if self._pieces is None else next(self._pieces, _OVER)
        else:
            piece = next(self._pieces, _OVER)
        now = time.perf_counter()
        self._took += now - begun
        if piece is _OVER:
            self._pieces = None
        if not isinstance(piece, Reply):
            return None
        least = PROBLEM_REST if getattr(piece, "problem", "") else self.view.rest
        self._rest_until = now + max(least, rest(self._took, self.view.share))
        self._took = 0.0
        return piece

    def _state(self, session: Session) -> object:
        return session.moment, self.view.also(session)


class _Job:
    """One job from its request to its end."""

    def __init__(self, view: View, request: Job, session: Session) -> None:
        self.view, self._request = view, request
        self.failed = False
        self.slices = view.answer(session, request)

    def give_up(self, _session: Session, sentence: str) -> Reply | None:
        """End the job because of a problem, and say so where it is waited for."""
        self.failed = True
        return self.view.lost(self._request, sentence) if self.view.lost else None
