"""What goes over the pipe between the engine process and its helper: tasks and their results.

The arrays of a task lie in a slot of a file that both map; messages are small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec
import numpy as np

from graphcore.system.slots import Filled


class Task(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Work that the helper does beside the training; a newer task of the same type ends it.

    Attributes:
        filled: where its arrays lie.
    """

    filled: Filled = Filled(0, 0, {})


class Result(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """What the helper has found, or as much of it as there is so far.

    Attributes:
        number: sequence number of the task.
        last: whether nothing more comes of it.
        problem: why the task cannot be done, or "".
    """

    number: int = 0
    last: bool = False
    problem: str = ""


class Up(Result, frozen=True):
    """The helper takes tasks from now on."""


class AtWork(Result, frozen=True):
    """The helper was given time to work, on whatever task."""


class Failed(Result, frozen=True):
    """The task is given up because of ``problem``."""


R = TypeVar("R", bound=Result)


class Helper(Protocol):
    """The process of lowest priority that works beside the training, as views see it."""

    def ready(self) -> bool:
        """Return whether it takes tasks; it is started where it does not run."""

    def give(self, task: Task, arrays: Mapping[str, np.ndarray]) -> int | None:
        """Hand over a task and return its number; None where that is not possible."""

    def results(self, number: int) -> list[Result]:
        """Return what has come of a task since the last call; of others nothing is kept."""

    def lost(self, number: int) -> bool:
        """Return whether nothing more comes of a task."""
