"""Compute the decision map: what a net of two inputs answers at every place of its plane.

Everything is computed with the weights of the moment in evaluation mode.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.datasets import Dataset
from graphcore.engine.plan import Plan
from graphcore.errors import DataError, GradscapeError
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.records.arrays import pack
from graphcore.session.session import Session
from graphcore.training.class_shares import class_names, class_shares
from graphcore.training.decision_grid import (
    GRID,
    NEURON_GRID,
    NO_PLANE,
    POINTS,
    _area,
    _grids,
    _has_plane,
    _on_grid,
)
from graphcore.training.trainer import Trainer
from graphcore.views.decision_map import DecisionFrame, DecisionRequest, Warp, warped_grid
from graphcore.views.view import view

NEURONS = 16
SHARE, REST = 0.05, 1 / 30
"""With a net of two inputs the map is what one looks at."""


@view(DecisionRequest, share=SHARE, rest=REST)
def decision(session: Session, request: DecisionRequest) -> DecisionFrame:
    """Map the net that is trained."""
    return decision_map(session.need_trainer(), request.warped)


def decision_map(trainer: Trainer, warped: str = "") -> DecisionFrame:
    """What a net over two inputs answers on a grid of its plane, and each of its units.

    Args:
        warped: the node whose warp of the plane is wanted too.
    """
    b, data = trainer.binding, trainer.data
    if not _has_plane(trainer):
        return DecisionFrame(step=trainer.step, problem=NO_PLANE)
    low, high = _area(trainer)
    plan = trainer.evaluation_plan()
    _, t = trainer.tensors(data.train, POINTS)
    try:
        answers = _on_grid(plan, b, (low, high), GRID, t)
    except DataError as error:
        return DecisionFrame(step=trainer.step, problem=str(error))
    shares = class_shares(answers, b.loss_kind, t) if b.target else None
    maps = answers.reshape(len(answers), -1)[:, :1] if shares is None else shares
    _on_grid(plan, b, (low, high), NEURON_GRID, t)
    neurons, generated = _neurons(trainer, plan), _generated(trainer, plan)
    shown, labels, tests = _points(trainer)
    return DecisionFrame(
        step=trainer.step, low=(float(low[0]), float(low[1])),
        high=(float(high[0]), float(high[1])), shares=_grids(maps, GRID),
        neurons=neurons, points=pack(shown), labels=pack(labels), tests=tests,
        complete=len(shown) == len(trainer.data.train) + len(trainer.data.test),
        classes=() if shares is None else class_names(data.classes or ("0", "1"), shares.shape[1]),
        generated=generated,
        links=warped_grid.links(trainer.graph, plan, set(neurons), b.input, NEURONS),
        warp=_warp(trainer, plan, warped, shown) if warped in neurons else None,
        columns=data.columns if len(data.columns) == 2 else (),
        shift=_both(data.normalization.shift), scale=_both(data.normalization.scale),
        target=data.target, answer_scale=_answer_scale(data) if shares is None else (0.0, 1.0),
    )  # fmt: skip


def _both(numbers: np.ndarray) -> tuple[float, float]:
    """One number per input, of one for both or of two."""
    first, second = np.broadcast_to(np.asarray(numbers, np.float64).reshape(-1), (2,)).tolist()
    return first, second


def _answer_scale(data: Dataset) -> tuple[float, float]:
    scale = data.target_scale
    return float(np.ravel(scale.shift)[0]), float(np.ravel(scale.scale)[0])


def _warp(trainer: Trainer, plan: Plan, node: str, samples: np.ndarray) -> Warp | None:
    """The plane as a node bends it; ``plan`` has just been run over the small grid."""
    grid, b = plan.value(node).clone(), trainer.binding
    _, t = trainer.tensors(trainer.data.train, 1)
    feed = torch.from_numpy(samples).to(trainer.plan.device, trainer.plan.dtype)
    plan.forward(b.feeds(feed, t.expand(len(feed), *t.shape[1:])))
    return warped_grid.warp(plan, node, grid, NEURON_GRID)


def _made_of_noise(graph: Graph) -> set[str]:
    """Nodes whose values come out of random numbers and not of the place in the plane."""
    return graph.descendants([n.name for n in graph if n.op.random and not n.op.two_modes])


def _generated(trainer: Trainer, plan: Plan) -> Any:
    """Points that the net makes out of random numbers; None where it makes none."""
    graph, made = trainer.graph, _made_of_noise(trainer.graph)
    for name in reversed(graph.topological_order()):
        value = plan.value(name) if name in made and graph.node(name).parameter_inputs else None
        if value is not None and value.dim() == 2 and value.shape[1] == 2:
            return pack(value[:: len(value) // POINTS + 1].to("cpu", torch.float32).numpy())
    return None


def _neurons(trainer: Trainer, plan: Plan) -> dict[str, Any]:
    """A map of every unit of every activation: what the pass over the small grid left."""
    found, made = {}, _made_of_noise(trainer.graph)
    for node in trainer.graph:
        if node.name in made:
            continue
        if node.op.category != "activation" and node.name != trainer.binding.output:
            continue
        try:
            value = plan.value(node.name)
        except GradscapeError:
            continue
        if value.dim() == 2 and len(value) == NEURON_GRID**2:
            found[node.name] = _grids(value[:, :NEURONS], NEURON_GRID)
    return found


def _points(trainer: Trainer) -> tuple[np.ndarray, np.ndarray, int]:
    """Training and test samples that are drawn on the map."""
    data = trainer.data
    train, test = data.train.inputs[:POINTS], data.test.inputs[: POINTS // 2]
    points = np.concatenate([train.reshape(len(train), -1), test.reshape(len(test), -1)])
    labels = np.concatenate([data.train.targets[:POINTS], data.test.targets[: POINTS // 2]])
    flat = labels.reshape(len(labels), -1)[:, 0].astype(np.float32)
    return points.astype(np.float32), flat, len(test)
