"""Looking at what a net has learned: the plane it divides, a drawing.

Everything is computed with the weights of the moment in evaluation mode.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore import ops
from graphcore.datasets import Split
from graphcore.engine import pictures as recording
from graphcore.engine.plan import Plan
from graphcore.errors import DataError, GradscapeError
from graphcore.graph.binding import Binding
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.records.arrays import pack
from graphcore.training.trainer import Trainer
from graphcore.views.decision_map import DecisionFrame, DigitFrame, Warp, warped_grid

if TYPE_CHECKING:
    from torch import Tensor

GRID, NEURON_GRID = 100, 32
"""Points per side of the map of the answer, and of the maps of single units."""
NEURONS = 16
MARGIN = 0.12
POINTS = 600
NO_PLANE = "The map shows nets of two inputs: choose the circle, spiral, xor or moons."
NO_CLASSES = "This net answers with values, not classes."
DIGIT, INK = 28, 20
"""Side of an MNIST picture, and of the box that its digit was scaled into (LeCun's page)."""


def class_shares(scores: Tensor, loss_kind: str, target: Tensor) -> Tensor | None:
    """Probability of each class, shape (n, C); None where the net answers with a value.

    Args:
        scores: what the net says, shape (n, C), (n, 1) or (n,).
        target: some targets: a net with one output has two classes if they take two values.
    """
    if scores.dim() == 2 and scores.shape[1] > 1:
        return torch.softmax(scores, 1)
    known = set(torch.unique(target).tolist())
    if not known <= {0.0, 1.0} and not known <= {-1.0, 1.0}:
        return None
    y = scores.reshape(-1)
    if ops.get(loss_kind).reads_logits:
        p = torch.sigmoid(y)
    elif -1.0 in known:
        p = ((y + 1) / 2).clamp(0, 1)
    else:
        p = y.clamp(0, 1)
    return torch.stack([1 - p, p], 1)


def class_names(known: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Return a name for each of a net's answers: the data's, then numbers; none without any."""
    return known + tuple(str(i) for i in range(len(known), count)) if known else ()


def class_indices(target: Tensor) -> np.ndarray:
    """Class of each sample, shape (n,): a target above 0 is the second of two classes."""
    found = target.cpu().reshape(len(target), -1)[:, 0].numpy()
    return (found > 0).astype(np.int64) if found.dtype.kind == "f" else found.astype(np.int64)


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
    answers = _on_grid(plan, b, (low, high), GRID, t)
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
    )  # fmt: skip


def _warp(trainer: Trainer, plan: Plan, node: str, samples: np.ndarray) -> Warp | None:
    """The plane as a node bends it; ``plan`` has just been run over the small grid."""
    grid, b = plan.value(node).clone(), trainer.binding
    _, t = trainer.tensors(trainer.data.train, 1)
    feed = torch.from_numpy(samples).to(trainer.plan.device, trainer.plan.dtype)
    plan.forward(b.feeds(feed, t.expand(len(feed), *t.shape[1:])))
    return warped_grid.warp(plan, node, grid, NEURON_GRID)


def _made_of_noise(graph: Graph) -> set[str]:
    """Nodes whose values come out of random numbers and not of the place in the plane."""
    return graph.descendants([n.name for n in graph if n.operator == "RandomNormalLike"])


def _generated(trainer: Trainer, plan: Plan) -> Any:
    """Points that the net makes out of random numbers; None where it makes none."""
    graph, made = trainer.graph, _made_of_noise(trainer.graph)
    for name in reversed(graph.topological_order()):
        value = plan.value(name) if name in made and graph.node(name).parameter_inputs else None
        if value is not None and value.dim() == 2 and value.shape[1] == 2:
            return pack(value[:: len(value) // POINTS + 1].to("cpu", torch.float32).numpy())
    return None


def plane_answers(plan: Plan, binding: Binding, trainer: Trainer) -> Tensor:
    """What a plan answers over the plane of a run's data, seen from above.

    Returns:
        Shape (C, GRID, GRID): the probability of each class, of the second alone where there are
        two; where the net answers with a value, that.

    Raises:
        DataError: the net has not two inputs.
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
    """The net's answers at the points of a grid, rows from below."""
    x, y = (np.linspace(area[0][i], area[1][i], side, dtype=np.float32) for i in (0, 1))
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    feed = torch.from_numpy(grid).to(plan.device, plan.dtype)
    filler = target[:1].expand(len(grid), *target.shape[1:])  # the loss is not looked at
    plan.forward(b.feeds(feed, filler))
    return plan.value(b.output)


def _grids(columns: Tensor, side: int) -> Any:
    maps = columns.t().reshape(-1, side, side).to("cpu", torch.float32)
    return pack(maps.contiguous().numpy())


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


def sample_image(trainer: Trainer, split: Split, i: int) -> np.ndarray | None:
    """A sample as a picture (H, W), normalisation undone; None where samples are no pictures."""
    data = trainer.data
    sample = np.asarray(data.normalization.invert(split.inputs[i]), np.float32)
    shape = data.input_shape
    if len(shape) == 3 and shape[0] in (1, 3):
        grey: np.ndarray = sample.reshape(shape).mean(0)
        return grey
    return sample.reshape(shape) if len(shape) == 2 else None


def centred_digit(pixels: np.ndarray) -> np.ndarray:
    """A drawing as MNIST's digits were made: ink in a box of 20x20, its mass in the middle.

    Args:
        pixels: brightness 0 to 1, shape (H, W).

    Returns:
        Shape (28, 28); all zeros for an empty drawing.
    """
    result = np.zeros((DIGIT, DIGIT), np.float32)
    rows, columns = np.nonzero(pixels > 0.05)
    if not len(rows):
        return result
    box = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = INK / max(box.shape)
    size = tuple(max(1, round(n * scale)) for n in box.shape)
    image = torch.from_numpy(np.ascontiguousarray(box, np.float32))[None, None]
    ink = torch.nn.functional.interpolate(image, size, mode="area")[0, 0].numpy()
    ys, xs = np.mgrid[: size[0], : size[1]]
    total = float(ink.sum())
    middle = (float((ys * ink).sum()) / total, float((xs * ink).sum()) / total)
    top, left = (
        min(max(0, round(DIGIT / 2 - m)), DIGIT - n) for m, n in zip(middle, size, strict=True)
    )
    result[top : top + size[0], left : left + size[1]] = ink
    return result


def drawn_input(
    trainer: Trainer, pixels: np.ndarray, centred: bool
) -> tuple[np.ndarray, Tensor] | None:
    """A drawing as a picture (28, 28), and as the net is fed it; None if its input is no such."""
    shape = trainer.input_shape
    if math.prod(shape) != DIGIT * DIGIT:
        return None
    if centred:
        seen = centred_digit(pixels)
    else:
        image = torch.from_numpy(np.ascontiguousarray(pixels, np.float32))[None, None]
        seen = torch.nn.functional.interpolate(image, (DIGIT, DIGIT), mode="area")[0, 0].numpy()
    x = torch.from_numpy(trainer.data.normalization.apply(seen.reshape(1, *shape)))
    return seen, x.to(trainer.plan.device, trainer.plan.dtype)


def _without_target(trainer: Trainer, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those that a drawing, which nobody has named, has a value for."""
    graph, target = trainer.graph, trainer.binding.target
    judged = {target, *graph.descendants([target])} if target else set()
    return tuple(name for name in names if name not in judged)


def digit(
    trainer: Trainer, pixels: np.ndarray, centred: bool, watch: tuple[str, ...]
) -> DigitFrame:
    """Run a drawing through the net."""
    drawn = drawn_input(trainer, pixels, centred)
    if drawn is None:
        return DigitFrame(problem="The digit pad is for nets whose input holds 28x28 numbers.")
    b, data, (seen, x) = trainer.binding, trainer.data, drawn
    _, t = trainer.tensors(data.test, 1)
    plan = trainer.looking_plan()
    plan.forward(b.feeds(x, t))
    shares = class_shares(plan.value(b.output), b.loss_kind, t) if b.target else None
    if shares is None:
        return DigitFrame(problem=NO_CLASSES)
    return DigitFrame(
        classes=class_names(data.classes, shares.shape[1]),
        shares=pack(shares[0].to("cpu", torch.float32).numpy()),
        seen=pack(seen.astype(np.float32)),
        values=recording.value_pictures(plan, trainer.graph, _without_target(trainer, watch)),
    )  # fmt: skip
