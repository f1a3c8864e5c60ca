"""``gc.watch``: a script's own training loop, recorded or live in a window."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from graphcore.late import torch
from graphcore.session.pace import rest
from graphcore.watching.process import give_up, launch

if TYPE_CHECKING:
    from torch.nn import Module

    from graphcore.graph.graph import Graph

SHARE = 0.012
"""Share of the loop's time that is spent here at most."""
SOONEST = 1 / 30
"""Seconds between two looks at the module."""
MOST_LOSSES = 4096
"""Losses that wait until they are passed on."""


OPEN: weakref.WeakSet[Watch] = weakref.WeakSet()
"""Loops that are watched: each is closed at the end of the script, or once nothing holds it."""


@atexit.register
def _close_all() -> None:
    for loop in list(OPEN):
        loop.close()


class Sink(Protocol):
    """Where the steps of a loop go.

    Attributes:
        steers: whether the loop may have to wait.
        over: whether the loop has ended.
    """

    @property
    def steers(self) -> bool: ...

    @property
    def over(self) -> bool: ...

    def wants(self, step: int) -> bool:
        """Whether the weights after a step are wanted."""

    def take(self, first: int, losses: list[float], seconds: float, weights: bool) -> None:
        """Losses of the steps from ``first`` on, and how many seconds each took."""

    def hold(self, step: int, tell: Callable[[], None]) -> None:
        """Return when the loop may go on; ``tell`` passes on what has happened before it waits."""

    def close(self) -> None:
        """The loop is over."""


class Watch:
    """A training loop that is watched; ``watch`` makes it.

        with gc.watch(model, (x, y), out="run.gradrun") as w:
            for x, y in loader:
                ...
                w.step(loss)

    Args:
        clock: seconds of the loop's time; what other programs take meanwhile is not spent here.

    Attributes:
        graph: the net with its loss; None in a process that is not the first of several.
        steps: steps so far.
        seconds: that were spent here, of the loop's time.
    """

    def __init__(
        self, graph: Graph | None = None, sink: Sink | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:  # fmt: skip
        self.graph, self._sink, self._clock = graph, sink, clock
        self.steps, self.seconds, self._passed_on = 0, 0.0, 0
        self._losses: list[Any] = []
        self._look_at = 0.0
        self._told_at, self._process = time.perf_counter(), os.getpid()
        if sink is not None:
            OPEN.add(self)

    def step(self, loss: Any = None) -> None:
        """Note a step that the loop has just made; returns at once.

        Args:
            loss: of the step's batch: a tensor of one element or a number; None if not known.
        """
        self.steps += 1
        sink = self._sink
        if sink is None:
            return
        self._losses.append(loss.detach() if hasattr(loss, "detach") else loss)
        if sink.steers:
            sink.hold(self.steps, lambda: self._tell(sink, weights=True))
            self._told_at = time.perf_counter()
        now = time.perf_counter()
        if not self._losses or (now < self._look_at and len(self._losses) < MOST_LOSSES):
            return
        self._tell(sink, weights=now >= self._look_at and sink.wants(self.steps))
        if sink.over:
            self.close()

    def close(self) -> None:
        """End the watching: the last weights are kept, and a record is written."""
        if os.getpid() != self._process:
            return  # a copy of this process, which loads data
        sink, self._sink = self._sink, None
        if sink is None:
            return
        OPEN.discard(self)
        if self._passed_on < self.steps:
            self._tell(sink, weights=True)
        sink.close()

    def _tell(self, sink: Sink, weights: bool) -> None:
        """Pass on what has happened; rest in proportion to what that took."""
        begun = self._clock()
        each = (time.perf_counter() - self._told_at) / max(1, len(self._losses))
        losses, self._losses = _numbers(self._losses), []
        try:
            sink.take(self.steps - len(losses) + 1, losses, each, weights)
            self._passed_on = self.steps if weights else self._passed_on
        except Exception as error:
            self._give_up(sink, error)
        self._told_at = time.perf_counter()
        took = self._clock() - begun
        self.seconds += took
        self._look_at = max(self._look_at, self._told_at + max(SOONEST, rest(took, SHARE)))

    def _give_up(self, sink: Sink, error: Exception) -> None:
        """Say why the loop is no longer watched; it goes on."""
        self._sink = None
        said = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        print(f"gradscape: the loop is no longer watched: {said}.", file=sys.stderr)
        with contextlib.suppress(Exception):
            sink.close()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        """A notebook's cell that is run again has another loop watched, and this one no more."""
        self.close()

    def _repr_svg_(self) -> str | None:
        """Return the drawing of the net, which a notebook shows."""
        return None if self.graph is None else self.graph._repr_svg_()


def _numbers(losses: list[Any]) -> list[float]:
    """Losses as numbers; those on a device are fetched together."""
    elsewhere = [i for i, x in enumerate(losses) if getattr(x, "is_cpu", True) is False]
    if elsewhere:
        fetched = torch.stack([losses[i].reshape(()).float() for i in elsewhere]).tolist()
        for i, number in zip(elsewhere, fetched, strict=True):
            losses[i] = number
    return [math.nan if x is None else float(x) for x in losses]


def watch(
    module: Module, batch: Any, *, loss: Callable[..., Any] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Watch:  # fmt: skip
    """Watch a training loop that is not ours.

        w = gc.watch(model, (x, y), loss=torch.nn.functional.cross_entropy)
        for x, y in loader:
            ...
            optimizer.step()
            w.step(loss)
        w.close()

    A window opens beside the script; this returns once it has the net, after 5 s at the latest. It
    shows the net's values, gradients and all that is computed from its weights on the batch, in
    evaluation mode; the losses are the script's own. Pause in the window stops the script at its
    next ``step``; closing the window lets it go on.

    In a process that torchrun started, all but the first do nothing.

    Args:
        batch: a pair (x, y) that the net is looked at on: an input and the target of the loss.
        loss: a function of the module's answer and the target; left out, cross entropy.
        out: a file that ends in .gradrun, or a folder: the run is recorded there instead, and can
            be opened later (*Open run*).

    Raises:
        ExportError: torch.export does not take the module; says why, where, and what to change.
        FileError: the module holds an operation that is not understood, or ``out`` cannot be
            written.
    """
    if os.environ.get("RANK", "0") not in ("", "0"):
        return Watch()
    if out is not None:
        from graphcore.watching.recorder import Recorder
        from graphcore.watching.source import Source

        source = Source(module, batch, loss)
        return Watch(source.graph, Recorder(source, Path(out)), source.clock)
    process = launch()  # it comes up while the net is exported
    try:
        from graphcore.watching.source import Source
        from graphcore.watching.window import Window

        source = Source(module, batch, loss)
        window = Window(source, process)
        window.meet()
        return Watch(source.graph, window, source.clock)
    except BaseException:
        give_up(process)
        raise
