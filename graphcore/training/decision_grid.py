"""A net of two inputs asked at every point of a grid over its plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.engine.plan import Plan
from graphcore.errors import DataError
from graphcore.graph.binding import Binding
from graphcore.late import torch
from graphcore.records.arrays import pack
from graphcore.training.class_shares import class_shares
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor


GRID, NEURON_GRID = 100, 32
"""Points per side of the map of the answer, and of the maps of single units."""


MARGIN = 0.12


POINTS = 600


NO_PLANE = "The map shows nets of two inputs: choose the circle, spiral, xor or moons."


ONE_FOR_ALL = "The map needs an answer for each sample; this net gives one for the whole batch."


def plane_answers(plan: Plan, binding: Binding, trainer: Trainer) -> Tensor:
    """What a plan answers over the plane of a run's data, seen from above.

    Returns:
        Shape (C, GRID, GRID): the probability of each class, of the second alone where there are
        two; where the net answers with a value, that.

    Raises:
        DataError: the net has not two inputs, or no answer for each sample.
    """
    if not _has_plane(trainer):
        raise DataError(NO_PLANE)
    _, t = trainer.tensors(trainer.data.train, POINTS)
    answers = _on_grid(plan, binding, _area(trainer), GRID, t)
    shares = class_shares(answers, binding.loss_kind, t) if binding.target else None
    maps = answers.reshape(len(answers), -1)[:, :1] if shares is None else shares
    maps = maps[:, 1:] if maps.shape[1] == 2 else maps
    return maps.t().reshape(-1, GRID, GRID).flip(1)


def _has_plane(trainer: Trainer) -> bool:
    return trainer.input_shape == (2,)


def _area(trainer: Trainer) -> tuple[np.ndarray, np.ndarray]:
    """Lower left and upper right of the plane that the training samples lie in."""
    points = trainer.data.train.inputs.reshape(len(trainer.data.train), -1)
    low, high = points.min(0), points.max(0)
    pad = MARGIN * np.maximum(high - low, 1e-6)
    return low - pad, high + pad


def _on_grid(
    plan: Plan, b: Binding, area: tuple[np.ndarray, np.ndarray], side: int, target: Tensor
) -> Tensor:
    """The net's answers at the points of a grid, rows from below.

    Raises:
        DataError: there is no answer for each point.
    """
    x, y = (np.linspace(area[0][i], area[1][i], side, dtype=np.float32) for i in (0, 1))
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    feed = torch.from_numpy(grid).to(plan.device, plan.dtype)
    filler = target[:1].expand(len(grid), *target.shape[1:])  # the loss is not looked at
    plan.forward(b.feeds(feed, filler))
    answers = plan.value(b.output)
    if answers.dim() == 0 or len(answers) != len(grid):
        raise DataError(ONE_FOR_ALL)
    return answers


def _grids(columns: Tensor, side: int) -> Any:
    maps = columns.t().reshape(-1, side, side).to("cpu", torch.float32)
    return pack(maps.contiguous().numpy())
