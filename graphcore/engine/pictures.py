"""What the views are shown of a running step: downscaled tensors, and what runs along edges.

Everything is read from the plan's own values and gradients of the step that was just run;
nothing is computed twice for show.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from graphcore.engine.plan import Plan
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Edge
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.records.arrays import pack
from graphcore.records.pictures import Flow, Picture

if TYPE_CHECKING:
    from torch import Tensor

TILES, SIDE, BARS = 36, 48, 128
"""Most feature maps, pixels per side, and bars in one picture."""
FLOW_SAMPLES = 8

Kind = Literal["tiles", "matrix", "bars", "number"]


def picture(tensor: Tensor, *, batched: bool, sample: int = 0) -> Picture:
    """One sample of a batch, or a whole parameter, small enough to be drawn in a node.

    Args:
        tensor: any shape; with ``batched`` the first axis is the batch.
    """
    shape = ", ".join(map(str, tensor.shape))
    if batched and tensor.dim() > 0 and tensor.shape[0] > 0:
        tensor = tensor[min(sample, tensor.shape[0] - 1)]
    data = tensor.detach().to("cpu", torch.float32)
    low, high = (float(v) for v in torch.aminmax(data)) if data.numel() else (0.0, 0.0)
    kind, small = _small(data)
    return Picture(kind, pack(small.contiguous().numpy()), low, high, f"({shape})")


def _small(data: Tensor) -> tuple[Kind, Tensor]:
    if data.numel() == 1:
        return "number", data.reshape(())
    if data.dim() == 1:
        return "bars", _pooled(data[None, None], (1, BARS))[0, 0]
    if data.dim() == 2:
        return "matrix", _pooled(data[None], (SIDE * 2, SIDE * 2))[0]
    tiles = data.reshape(-1, *data.shape[-2:])[:TILES]
    return "tiles", _pooled(tiles, (SIDE, SIDE))


def _pooled(images: Tensor, largest: tuple[int, int]) -> Tensor:
    """Average neighbours until the images are no larger than asked."""
    size = (min(images.shape[-2], largest[0]), min(images.shape[-1], largest[1]))
    if size == tuple(images.shape[-2:]):
        return images
    return torch.nn.functional.adaptive_avg_pool2d(images, size)


def value_pictures(
    plan: Plan, graph: Graph, names: Iterable[str], weights: bool = True, first: int | None = 1
) -> dict[str, Picture]:
    """Pictures of values: nodes by name, and, if asked for, their parameters as "node.input".

    Args:
        first: how many samples are read, the first of which is drawn; None: all of them, so that
            ``shape`` is of all.
    """
    found: dict[str, Picture] = {}
    batches = _has_batch(graph)
    for name in names:
        tensor = _quiet(plan.value, name, first=first if batches else None)
        if tensor is not None:
            found[name] = picture(tensor, batched=batches and _batched(graph, name, tensor))
        for parameter, numbers in (_parameters_of(plan, name) if weights else {}).items():
            found[parameter] = picture(numbers, batched=False)
    return found


def gradient_pictures(
    plan: Plan, graph: Graph, names: Iterable[str], weights: bool = True, first: int | None = 1
) -> dict[str, Picture]:
    """Pictures of gradients, under the same names as the values; ``first`` as there."""
    found: dict[str, Picture] = {}
    batches = _has_batch(graph)
    for name in names:
        for key in (name, *(_parameters_of(plan, name) if weights else ())):
            g = _quiet(plan.grad, key, first=first if batches else None)
            if g is not None:
                batched = batches and key == name and _batched(graph, name, g)
                found[key] = picture(g, batched=batched)
    return found


def edge_flow(plan: Plan, graph: Graph, level: str = "") -> tuple[Flow, ...]:
    """Root mean square of value and gradient along every edge of one level.

    Measured over the first ``FLOW_SAMPLES`` samples of the batch.

    Args:
        level: path of a composite; "" for the whole graph.
    """
    prefix = f"{level}/" if level else ""
    found = []
    for edge in _edges_at(graph, level):
        source, target = prefix + edge.source, prefix + edge.target
        value = _quiet(plan.value, source, edge.output, first=FLOW_SAMPLES)
        try:
            g = plan.edge_grad(source, target, input=edge.input, first=FLOW_SAMPLES)
        except GradscapeError:
            g = _quiet(plan.grad, source, edge.output, first=FLOW_SAMPLES)
        found.append(Flow(edge.source, edge.output, edge.target, edge.input, _rms(value), _rms(g)))
    return tuple(found)


def _edges_at(graph: Graph, level: str) -> tuple[Edge, ...]:
    """Edges of one level; none where the composite is gone."""
    try:
        inside = graph.at(level).subgraph if level else graph
    except GradscapeError:
        return ()
    return inside.edges if inside is not None else ()


def _quiet(function: object, *arguments: str, first: int | None) -> Tensor | None:
    """The tensor, or None where the pass did not reach it."""
    assert callable(function)
    try:
        result: Tensor | None = function(*arguments, first=first)
    except GradscapeError:
        return None
    return result


def _rms(tensor: Tensor | None) -> float:
    if tensor is None or tensor.numel() == 0:
        return 0.0
    return float(torch.linalg.vector_norm(tensor.to(torch.float32))) / math.sqrt(tensor.numel())


def _has_batch(graph: Graph) -> bool:
    """Whether any node has a first axis of samples: a calculation of given numbers has none."""
    return any(
        n.operator == "Target" or (n.operator == "Input" and n.attributes["batch"]) for n in graph
    )


def _batched(graph: Graph, name: str, tensor: Tensor) -> bool:
    try:
        node = graph.at(name)
    except GradscapeError:
        return False
    if node.operator in ("Parameter", "Constant"):
        return False
    return not (node.operator == "Input" and not node.attributes["batch"]) and tensor.dim() > 0


def one_sample(graph: Graph, name: str, tensor: Tensor) -> Tensor:
    """A node's value or gradient without its axis of samples, if it has one: the first of them."""
    return tensor[0] if batched_node(graph, name, tensor) and len(tensor) > 0 else tensor


def batched_node(graph: Graph, name: str, tensor: Tensor) -> bool:
    """Whether the first axis of a node's value is that of the samples."""
    return _has_batch(graph) and _batched(graph, name, tensor)


def _parameters_of(plan: Plan, name: str) -> dict[str, Tensor]:
    return {k: v for k, v in plan.parameters.items() if k.rpartition(".")[0] == name}
