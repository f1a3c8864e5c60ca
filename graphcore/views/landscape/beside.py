"""A surface that the helper process computes beside the training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore import files
from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.errors import EngineError
from graphcore.landscapes.planes import Plane, Span
from graphcore.landscapes.surface import Grid, Surface
from graphcore.late import torch
from graphcore.records.arrays import Array, pack, unpack
from graphcore.records.tasks import Helper, Result, Task
from graphcore.views.view import Arrays, Pieces, task

if TYPE_CHECKING:
    from torch import Tensor

SLICE = 0.02
"""Seconds of work until it is looked whether there is a newer task."""


class SurfaceTask(Task, frozen=True, kw_only=True):
    """Compute the loss on a grid of a plane.

    Attributes:
        loss: name of the node whose mean is the height.
        made_for: device, precision and layout of the net's plan.
        coarsest: first level that is worth to be told of.
        patience: seconds that the next finer level may take.
    """

    loss: str
    span: Span
    resolution: int
    made_for: dict[str, str | bool]
    coarsest: int
    patience: float


class SurfaceResult(Result, frozen=True, kw_only=True):
    """A surface as far as it is computed; NaN where it is not."""

    level: int
    values: Array
    seconds: float


GRAPH, FEED, BUFFER = "graph", "feed:", "buffer:"


@task(SurfaceTask)
def compute(asked: SurfaceTask, arrays: Arrays) -> Pieces:
    """Yield every level of the surface as it is complete."""
    tensors = {name: torch.from_numpy(a) for name, a in arrays.items() if name != GRAPH}
    plan = _plan(arrays[GRAPH].tobytes(), tuple(asked.made_for.items()))
    plane = Plane(tensors["origin"], tensors["u"], tensors["v"], ("", ""))
    _put(plan, tensors)
    feeds = {n.removeprefix(FEED): t for n, t in tensors.items() if n.startswith(FEED)}
    surface = Surface(plan, plane, feeds, asked.loss, asked.span, asked.resolution)
    told, over = 0, False
    while not over:
        surface.work(SLICE)
        over = surface.done or surface.seconds_to_next_level() > asked.patience > 0
        over &= surface.level > 0
        if over or surface.level > max(told, asked.coarsest - 1):
            told = surface.level
            yield SurfaceResult(
                number=asked.filled.number, last=over, level=surface.level,
                values=pack(surface.values), seconds=surface.seconds,
            )  # fmt: skip
        else:
            yield None


@lru_cache(maxsize=1)
def _plan(graph: bytes, made_for: tuple[tuple[str, Any], ...]) -> Plan:
    return compile(files.loads(graph), mode="train", **dict(made_for))


def _put(plan: Plan, tensors: Mapping[str, Tensor]) -> None:
    """Give the plan the running statistics of the net; its weights are those of the plane."""
    buffers = {BUFFER + name: buffer for name, buffer in plan.buffers.items()}
    if plan.flat.shape != tensors["origin"].shape or not buffers.keys() <= tensors.keys():
        raise EngineError("The graph file does not give the net that is trained.")
    for name, buffer in buffers.items():
        buffer.copy_(tensors[name])


class SurfaceBeside(Grid):
    """A grid whose values come from the helper.

    Attributes:
        over: whether nothing more comes; where ``level`` is 0, nothing has.
        refused: whether the helper cannot compute it.
    """

    def __init__(
        self, helper: Helper, number: int, plane: Plane, span: Span, resolution: int
    ) -> None:
        super().__init__(plane, span, resolution)
        self._helper, self._number = helper, number
        self._found: list[Result] = []
        self.over = self.refused = False

    @property
    def news(self) -> bool:
        """Whether there is something to take, or nothing to wait for."""
        if not self.over:
            self._found += self._helper.results(self._number)
            self.over = not self._found and self._helper.lost(self._number)
        return bool(self._found) or self.over

    def take(self) -> None:
        """Take what has arrived."""
        found, self._found = self._found, []
        for result in found:
            self.over |= result.last
            self.refused |= bool(result.problem)
            if isinstance(result, SurfaceResult):
                self.level, self.seconds = result.level, result.seconds
                self.values = unpack(result.values)


def begin(
    helper: Helper, asked: SurfaceTask, graph: bytes, plan: Plan, plane: Plane,
    feeds: Mapping[str, Tensor],
) -> SurfaceBeside | None:  # fmt: skip
    """Hand a surface over to the helper; None where that is not possible.

    Args:
        plan: of the net that is trained, for its running statistics.
    """
    tensors = {
        "origin": plane.origin, "u": plane.u, "v": plane.v,
        **{FEED + name: tensor for name, tensor in feeds.items()},
        **{BUFFER + name: buffer for name, buffer in plan.buffers.items()},
    }  # fmt: skip
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    number = helper.give(asked, {GRAPH: np.frombuffer(graph, np.uint8), **arrays})
    if number is None:
        return None
    return SurfaceBeside(helper, number, plane, asked.span, asked.resolution)
