"""Seeded numbers for everything that a graph is fed, to check its gradients with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.dims import at_batch
from graphcore.errors import GradscapeError
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES = 4


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
        if reader.op.answers == "class":
            labels = (concrete[0], *concrete[2:])
            return torch.randint(0, concrete[1], labels, generator=generator)
        return torch.rand(concrete, generator=generator, dtype=torch.float64)
    raise GradscapeError(f"{name} is read by no loss: its values cannot be chosen.")
