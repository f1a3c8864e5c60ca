"""Whether a step that is looked at is the step that is not, and shows what inspection shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import torch
from torch import Tensor

from graphcore.datasets import Dataset
from graphcore.engine.pictures import edge_flow, gradient_pictures, value_pictures
from graphcore.engine.plan import Plan
from graphcore.errors import GradscapeError
from graphcore.graph.graph import Graph
from graphcore.records.arrays import unpack
from graphcore.training.trainer import Trainer

STEPS = 8
BARS = {"float64": 1e-12, "float32": 1e-6}
"""Of the largest value."""


def first_difference(net: Any, dtype: str) -> str:
    """Where training that is watched now and then parts from training that is not; "" if never.

    Both make the same steps; of one of them every other step is recorded, then two in a row.
    """
    plain, watched = (Trainer(net.graph, net.data, dtype=dtype) for _ in range(2))
    for step in range(STEPS):
        losses = [t.train_step(record=record).losses for t, record in
                  ((plain, False), (watched, step % 4 in (1, 2)))]  # fmt: skip
        if losses[0] != losses[1]:
            return f"loss of step {step + 1}: {losses[0]} and {losses[1]}"
        for name, g in plain.plan.gradients.items():
            if not torch.equal(g, watched.plan.gradients[name]):
                return f"gradient of {name} at step {step + 1}"
        if not torch.equal(plain.plan.flat, watched.plan.flat):
            return f"weights after step {step + 1}"
    return ""


def misshown(graph: Graph, data: Dataset, dtype: str) -> str:
    """What a recorded training step shows otherwise than an inspected one; "" if nothing."""
    graph = graph.copy()  # an update by the gradient's sign would make a rounding error large
    plain: dict[str, Any] = {"optimizer": "SGD", "optimizer_options": {}, "lr": 0.01}
    objectives = tuple(msgspec.structs.replace(o, **plain) for o in graph.training.objectives)
    graph.training = msgspec.structs.replace(graph.training, objectives=objectives, **plain)
    recorded = Trainer(graph, data, dtype=dtype)
    inspected = Trainer(graph, data, dtype=dtype, mode="inspect")
    for t in (recorded, inspected):
        t.train_step(record=True)
    return shown_otherwise(recorded.recorded, inspected.recorded, recorded.graph, BARS[dtype])


def shown_otherwise(recorded: Plan, inspected: Plan, graph: Graph, bar: float) -> str:
    """The first value, gradient, edge or picture that differs by more than ``bar``."""
    numbers = list(_numbers(recorded, inspected, graph))
    largest = {kind: _largest(b for what, _, b in numbers if what.startswith(kind))
               for kind in ("value", "gradient")}  # fmt: skip
    for what, mine, theirs in numbers:
        if (mine is None) != (theirs is None):
            return f"{what} is {'missing' if mine is None else 'there'} in a recorded step"
        if (
            mine is not None
            and theirs is not None
            and not _close(mine, theirs, bar * largest[what.split()[0]])
        ):
            return f"{what} is off by {float((mine - theirs).abs().max()):.3g}"
    names = [n.name for n in graph]
    for show in (value_pictures, gradient_pictures):
        mine, theirs = (show(plan, graph, names) for plan in (recorded, inspected))
        if mine.keys() != theirs.keys():
            return f"{show.__name__}: {sorted(mine.keys() ^ theirs.keys())}"
        for name, picture in mine.items():
            a, b = (torch.from_numpy(unpack(p.array).copy()) for p in (picture, theirs[name]))
            if not _close(a, b, 1e-6 * largest[show.__name__.split("_")[0]]):
                return f"{show.__name__}: {name}"
    for mine, theirs in zip(edge_flow(recorded, graph), edge_flow(inspected, graph), strict=True):
        off = abs(mine.value - theirs.value) / largest["value"]
        if max(off, abs(mine.gradient - theirs.gradient) / largest["gradient"]) > 1e-6:
            return f"flow from {mine.source} to {mine.target}: {mine} and {theirs}"
    return ""


def _numbers(a: Plan, b: Plan, graph: Graph) -> Iterator[tuple[str, Tensor | None, Tensor | None]]:
    for name in (*(n.name for n in graph), *a.parameters):
        yield f"gradient of {name}", a.grad(name), b.grad(name)
    for node in graph:
        for output in node.outputs:
            yield (f"gradient of {node.name}.{output}", a.grad(node, output), b.grad(node, output))
            yield (f"value of {node.name}.{output}",
                   *(_quietly(plan.value, node.name, output) for plan in (a, b)))  # fmt: skip
    for edge in graph.edges:
        ends = edge.source, edge.target
        yield (f"gradient from {edge.source} to {edge.target}.{edge.input}",
               *(_quietly(p.edge_grad, *ends, input=edge.input) for p in (a, b)))  # fmt: skip


def _quietly(ask: Callable[..., Tensor | None], *of: str, **more: str) -> Tensor | None:
    """What a plan answers; None where it refuses with a sentence."""
    try:
        return ask(*of, **more)
    except GradscapeError:
        return None


def _close(a: Tensor, b: Tensor, bar: float) -> bool:
    if a.shape != b.shape or not a.numel():
        return a.shape == b.shape
    if not a.is_floating_point():
        return torch.equal(a, b)
    return bool((a - b).abs().max() <= bar)


def _largest(tensors: Iterable[Tensor | None]) -> float:
    sizes = [float(x.abs().max()) for x in tensors if x is not None and x.numel()]
    return max((s for s in sizes if s > 0), default=1.0)


def stepwise_difference(graph: Graph, data: Dataset, dtype: str) -> float:
    """Largest difference of a gradient between training and inspection, from the same weights."""
    plain = Trainer(graph, data, dtype=dtype)
    inspected = Trainer(graph, data, dtype=dtype, mode="inspect")
    worst = 0.0
    for _ in range(STEPS):
        inspected.plan.copy_state(plain.plan)
        inspected.plan.generator.set_state(plain.plan.generator.get_state())
        for t in (plain, inspected):
            t.train_step()
        a, b = (t.plan.flat_grad[: t.plan.trainable] for t in (plain, inspected))
        largest = inspected.plan.flat_grad.abs().max().clamp_min(1e-300)
        worst = max(worst, float((a - b).abs().max() / largest))
    return worst
