"""How what can be looked at is registered: a function beside the record of its request.

    @view(HealthRequest, share=0.03)
    def health(session: Session, request: HealthRequest) -> HealthFrame: ...

Every module of a folder in ``graphcore.views`` is imported by ``find``; what has registered then
is the table of all that the engine process answers beside training.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Literal, TypeVar

import numpy as np

from graphcore import views
from graphcore.records.requests import Reply, Request
from graphcore.records.tasks import Result, Task
from graphcore.session.session import Session

R = TypeVar("R", bound=Request)
Made = TypeVar("Made", bound=Reply | Iterator[Any] | None)
T = TypeVar("T", bound=Task)
Arrays = dict[str, np.ndarray]
Pieces = Iterator[Result | None]

SHARE = 0.03
"""Share of the time that each view may take while the net trains."""
REST = 0.1
"""Seconds between two of the same view while the net trains, however little they take."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What serves one type of request.

    Attributes:
        answer: (session, request) -> the reply; of a look or a job also an iterator, which yields
            replies, and None wherever other work may come between.
        share, rest: of a look while the net trains: of the time, and seconds between two.
        while_training: whether a look is kept up to date while the net trains, computed once each
            time it is asked for, or never; all are computed once it rests.
        without_run: whether a look is computed where there is no training run, too.
        also: what a look depends on beside net, step and weights.
        due: tells by itself whether a look is out of date, and then keeps its own share.
        first: whether a look is computed before training goes on.
        lost: (request, sentence) -> the reply that says why a job was given up.
    """

    request: type[Request]
    answer: Callable[[Session, Any], Any]
    share: float = SHARE
    rest: float = REST
    while_training: Literal["kept", "once", "never"] = "kept"
    without_run: bool = False
    also: Callable[[Session], object] = lambda session: None
    due: Callable[[Session, Any], bool] | None = None
    first: bool = False
    lost: Callable[[Any, str], Reply] | None = None

    @property
    def name(self) -> str:
        """What is said of it where it fails: the words of its folder."""
        return f"the {self.answer.__module__.split('.')[2].replace('_', ' ')}"


VIEWS: dict[type[Request], View] = {}
"""What serves each type of request."""
TASKS: dict[type[Task], Callable[[Any, Arrays], Pieces]] = {}
"""What does each type of task in the helper process, from its arrays."""
EACH_TURN: list[Callable[[Session], None]] = []
"""Functions that are called between the steps, whoever looks."""


def view(
    request: type[R], **options: Any
) -> Callable[[Callable[[Session, R], Made]], Callable[[Session, R], Made]]:
    """Register a function that serves a type of request; ``options`` are those of ``View``."""

    def register(answer: Callable[[Session, R], Made]) -> Callable[[Session, R], Made]:
        VIEWS[request] = View(request=request, answer=answer, **options)
        return answer

    return register


def task(
    kind: type[T],
) -> Callable[[Callable[[T, Arrays], Pieces]], Callable[[T, Arrays], Pieces]]:
    """Register a function that does a type of task in the helper process, piece by piece."""

    def register(do: Callable[[T, Arrays], Pieces]) -> Callable[[T, Arrays], Pieces]:
        TASKS[kind] = do
        return do

    return register


def each_turn(follow: Callable[[Session], None]) -> Callable[[Session], None]:
    """Register a function that follows a run from step to step."""
    EACH_TURN.append(follow)
    return follow


@cache
def find_requests() -> tuple[ModuleType, ...]:
    """Import every record that a view answers: enough to read requests."""
    found = pkgutil.iter_modules(views.__path__, f"{views.__name__}.")
    return tuple(import_module(folder.name) for folder in found if folder.ispkg)


@cache
def find() -> None:
    """Import every module that stands beside a record."""
    for folder in find_requests():
        for module in pkgutil.iter_modules(folder.__path__):
            import_module(f"{folder.__name__}.{module.name}")
