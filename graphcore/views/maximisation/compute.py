"""Activation maximisation: gradient ascent on the picture, the weights of the moment held.

The picture stays within the range of the data and has no more ink than the training picture to
which the unit responds most: any unit could be excited without end by larger numbers.

Source: Erhan, Bengio, Courville & Vincent, Visualizing higher-layer features of a deep network
(2009), which holds the norm likewise.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from graphcore.engine.plan import Plan
from graphcore.errors import GradscapeError
from graphcore.late import torch
from graphcore.records.arrays import Array, pack
from graphcore.session.session import Session
from graphcore.training.class_shares import class_indices, class_names
from graphcore.training.trainer import Trainer
from graphcore.views.maximisation import MaximisationFrame, MaximisationRequest
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

SLICE = 0.1
"""Seconds of work between two looks at the requests."""
BATCH, STEPS = 250, 150
"""Training pictures that are run at a time; steps of the ascent."""
LARGEST, SMALLEST = 0.2, 0.01
"""Length of the first and the last step, as shares of the picture's norm."""
NO_PICTURE = "This is for nets that are fed pictures."
NO_UNIT = "Select a node that has units or feature maps behind the input."


def _lost(request: MaximisationRequest, problem: str) -> MaximisationFrame:
    return MaximisationFrame(done=1.0, problem=problem, number=request.number)


@view(MaximisationRequest, lost=_lost)
def maximise(session: Session, request: MaximisationRequest) -> Iterator[MaximisationFrame]:
    """Search among the training pictures, then climb; the weights are those of the start."""
    trainer = session.trainer
    if trainer is None:
        yield _lost(request, "There is no net.")
        return
    try:
        search = Search(trainer, request.node, request.unit)
    except GradscapeError as error:
        yield _lost(request, str(error))
        return
    if search.problem:
        yield _lost(request, search.problem)
        return
    while search.done < 1:
        end = time.perf_counter() + SLICE
        while time.perf_counter() < end and search.done < 1:
            search.advance()
        yield search.frame(request.number)


class Search:
    """The best training picture of a unit, and the picture that climbs beyond it.

    Attributes:
        problem: why there is nothing to search, or "".
        done: share of the work.
    """

    def __init__(self, trainer: Trainer, node: str, unit: int) -> None:
        self._trainer, self._node, self._unit = trainer, node, unit
        self._weights = trainer.plan.state()
        self._x, self._t = trainer.tensors(trainer.data.train)
        shape = tuple(trainer.data.input_shape)
        pictures = len(shape) == 3 or len(shape) == 2
        self.problem = "" if pictures and trainer.binding.input and len(self._x) else NO_PICTURE
        self.units, self.done = 0, 0.0
        if self.problem:
            return
        self._low, self._high = float(self._x.min()), float(self._x.max())
        self._seen, self._step = 0, 0
        self._best, self._index, self._value = float("-inf"), -1, 0.0
        self._image: Tensor | None = None
        plan = self._plan()
        self._run(plan, self._x[:1])
        value = self._responses(plan)
        fed = node.split("/", maxsplit=1)[0] in trainer.graph.descendants([trainer.binding.input])
        if value is None or not fed:
            self.problem = NO_UNIT
        elif not 0 <= unit < self.units:
            self.problem = f"{node} has the units 0 to {self.units - 1}."

    def advance(self) -> None:
        """Look at some more training pictures, or make a step of the ascent."""
        if self._seen < len(self._x):
            self._look()
        else:
            self._climb()
        share = self._seen / len(self._x), self._step / STEPS
        self.done = 1.0 if self._step >= STEPS else min(0.99, 0.5 * sum(share))

    def _plan(self) -> Plan:
        plan = self._trainer.looking_plan()
        plan.load_state(self._weights)
        return plan

    def _run(self, plan: Plan, x: Tensor) -> None:
        filler = self._t[:1].expand(len(x), *self._t.shape[1:])  # the loss is not looked at
        plan.forward(self._trainer.binding.feeds(x, filler))

    def _responses(self, plan: Plan) -> Tensor | None:
        """The unit's response to each picture that was run, shape (n,)."""
        value = plan.value(self._node)
        if value.dim() not in (2, 4) or not value.is_floating_point():
            return None
        self.units = int(value.shape[1])
        if not 0 <= self._unit < self.units:
            return value[:, 0].reshape(-1)
        return value[:, self._unit].reshape(len(value), -1).mean(1)

    def _look(self) -> None:
        plan, x = self._plan(), self._x[self._seen : self._seen + BATCH]
        self._run(plan, x)
        found = self._responses(plan)
        assert found is not None
        best = int(found.argmax())
        if float(found[best]) > self._best:
            self._best, self._index = float(found[best]), self._seen + best
        self._seen += len(x)

    def _climb(self) -> None:
        """One step along the gradient, then back into the range of the data and the norm."""
        plan = self._plan()
        norm = max(float((self._x[self._index] - self._low).norm()), 1e-6)
        if self._image is None:
            mean = self._x[: 20 * BATCH].mean(0, keepdim=True) - self._low
            self._image = self._low + mean * (norm / max(float(mean.norm()), 1e-6))
            self._image = self._image.clamp(self._low, self._high)
        gradient = self._gradient(plan, self._image)
        size = float(gradient.norm())
        share = LARGEST * (SMALLEST / LARGEST) ** (self._step / (STEPS - 1))
        if size > 0:
            moved = self._image + gradient * (share * norm / size)
            ink = moved.clamp(self._low, self._high) - self._low
            self._image = self._low + ink * min(1.0, norm / max(float(ink.norm()), 1e-6))
        self._step += 1
        if self._step >= STEPS:
            self._gradient(self._plan(), self._image)

    def _gradient(self, plan: Plan, image: Tensor) -> Tensor:
        """Of the unit's response by the picture; keeps the response."""
        self._run(plan, image)
        value = plan.value(self._node)
        start = torch.zeros_like(value)
        start[:, self._unit] = 1.0 / max(1, value[0, 0].numel())
        plan.backward(self._node, grad=start)
        gradient = plan.grad(self._trainer.binding.input)
        assert gradient is not None
        response = self._responses(plan)
        assert response is not None
        self._value = float(response[0])
        return gradient

    def frame(self, number: int) -> MaximisationFrame:
        """What there is so far."""
        data, i = self._trainer.data, self._index
        label = ""
        if data.classes:
            k = int(class_indices(self._t[i : i + 1])[0])
            label = class_names(data.classes, k + 1)[k]
        return MaximisationFrame(
            node=self._node, unit=self._unit, units=self.units,
            image=None if self._image is None else self._picture(self._image),
            activation=self._value, best=self._picture(self._x[i : i + 1]), index=i, label=label,
            best_activation=self._best, searched=self._seen, done=self.done, number=number,
        )  # fmt: skip

    def _picture(self, x: Tensor) -> Array:
        data = self._trainer.data
        numbers = x.to("cpu", torch.float32).numpy().reshape(data.input_shape)
        own = np.asarray(data.normalization.invert(numbers), np.float32)
        return pack(np.ascontiguousarray(own.reshape(-1, *own.shape[-2:])))
