"""Gradients by central finite differences, to check the backward pass or to show what it means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from graphcore.dims import at_batch
from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.errors import GradscapeError
from graphcore.graph.binding import bind
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

STEP = 1e-6
ENTRIES = 64
SAMPLES = 4


def difference(plan: Plan, feeds: dict[str, Any], loss: str, tensor: Tensor, i: int,
               step: float = STEP, training: bool = False) -> float:  # fmt: skip
    """∂loss/∂tensor[i] = (loss(w + step) − loss(w − step)) / (2 · step), i in row order."""
    flat = tensor.view(-1)
    kept = float(flat[i])
    found = []
    for shifted in (kept + step, kept - step):
        flat[i] = shifted
        plan.forward(feeds, training=training)
        found.append(float(plan.value(loss).sum()))
    flat[i] = kept
    return (found[0] - found[1]) / (2 * step)


def fourth_order(
    plan: Plan, feeds: dict[str, Any], loss: str, tensor: Tensor, i: int, step: float
) -> float:
    """The same with an error of step⁴ (Richardson): allows steps at which rounding is small."""
    near = difference(plan, feeds, loss, tensor, i, step)
    far = difference(plan, feeds, loss, tensor, i, 2 * step)
    return (4 * near - far) / 3


def check_graph(graph: Graph, seed: int = 0) -> dict[str, float]:
    """Largest relative error of every parameter's and every fed input's gradient, in float64.

    At most 64 seeded entries of each tensor are compared. Entries where the two one-sided
    slopes differ lie within 1e-6 of a kink (of a ReLU or a maximum) and are left out.
    """
    plan = compile(graph, dtype="float64", mode="inspect", seed=seed)
    feeds = random_feeds(graph, seed)
    loss = _loss(graph)
    plan.forward(feeds)
    seeds = torch.ones_like(plan.value(loss))
    plan.backward(loss, grad=seeds)
    tensors = {k: v for k, v in plan.parameters.items() if plan.grad(k) is not None}
    tensors |= {
        k: v for k, v in feeds.items() if v.is_floating_point() and plan.grad(k) is not None
    }
    gradients = {k: plan.grad(k) for k in tensors}
    generator = torch.Generator().manual_seed(seed)
    errors = {}
    for name, tensor in tensors.items():
        g = gradients[name]
        assert g is not None
        chosen = torch.randperm(tensor.numel(), generator=generator)[:ENTRIES].tolist()
        errors[name] = _largest_error(plan, feeds, loss, tensor, g.reshape(-1), chosen)
    return errors


def _largest_error(
    plan: Plan, feeds: dict[str, Any], loss: str, tensor: Tensor, g: Tensor, chosen: list[int]
) -> float:
    """Relative to the tensor's largest gradient, or to a millionth of the loss if that is more:

    float64 tells losses apart to 16 digits, so differences see no gradient much below.
    """
    size = abs(float(plan.value(loss).sum()))
    scale = max(float(g.abs().max()), 1e-6 * size, 1e-12)
    worst = 0.0
    for i in chosen:
        wanted = float(g[i])
        error = abs(difference(plan, feeds, loss, tensor, i) - wanted)
        if error / scale > 1e-7:  # rounding? A larger step of higher order has less of it
            error = min(error, abs(fourth_order(plan, feeds, loss, tensor, i, 1e-3) - wanted))
        if error / scale > 1e-6 and _near_kink(plan, feeds, loss, tensor, i):
            continue
        worst = max(worst, error / scale)
    return worst


def _near_kink(plan: Plan, feeds: dict[str, Any], loss: str, tensor: Tensor, i: int) -> bool:
    """Whether slopes at ten times and a tenth of the step disagree: the loss is not smooth here."""
    slopes = [difference(plan, feeds, loss, tensor, i, step) for step in (STEP * 10, STEP / 10)]
    return not math.isclose(slopes[0], slopes[1], rel_tol=1e-3, abs_tol=1e-6)


def random_feeds(graph: Graph, seed: int = 0) -> dict[str, Tensor]:
    """Seeded float64 numbers for every Input and Target; an Input's own value is kept."""
    generator = torch.Generator().manual_seed(seed)
    feeds: dict[str, Tensor] = {}
    for node in graph:
        if node.operator == "Input":
            shape = tuple(node.attributes["shape"])
            full = (SAMPLES, *shape) if node.attributes["batch"] else shape
            value = node.attributes["value"]
            if node.attributes["dtype"] == "int":
                feeds[node.name] = torch.randint(0, 2, full, generator=generator)
            elif value is not None:
                feeds[node.name] = torch.tensor(value, dtype=torch.float64).expand(full).clone()
            else:
                feeds[node.name] = torch.randn(full, generator=generator, dtype=torch.float64)
        elif node.operator == "Target":
            feeds[node.name] = _random_target(graph, node.name, generator)
    return feeds


def _random_target(graph: Graph, name: str, generator: torch.Generator) -> Tensor:
    """Class indices for the losses that want them, else numbers of the shape of the answer."""
    for edge in graph.edges_from(name):
        reader = graph.node(edge.target)
        answer = next((e for e in graph.edges_into(reader) if e.source != name), None)
        if answer is None:
            continue
        shape = ShapeInference(graph).shape(answer.source, answer.output)
        if shape is None:
            continue
        concrete = at_batch(shape, SAMPLES)
        if reader.operator in ("CrossEntropyLoss", "NLLLoss"):
            labels = (concrete[0], *concrete[2:])
            return torch.randint(0, concrete[1], labels, generator=generator)
        return torch.rand(concrete, generator=generator, dtype=torch.float64)
    raise GradscapeError(f"{name} is read by no loss: its values cannot be chosen.")


def _loss(graph: Graph) -> str:
    """The loss, or the only node that nothing reads."""
    try:
        return bind(graph).loss
    except GradscapeError:
        ends = [n.name for n in graph if not graph.edges_from(n) and graph.edges_into(n)]
        if len(ends) != 1:
            raise GradscapeError(
                f"A gradient check needs one result, found {', '.join(ends) or 'none'}."
            ) from None
        return ends[0]
