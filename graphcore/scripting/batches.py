"""Values of one node over many samples, as many at a time as memory has room for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphcore.errors import GraphError
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference, numbers
from graphcore.scripting.net import AskedNet

MOST_NUMBERS, MOST_SAMPLES = 1 << 24, 500
"""Numbers that all values of a batch may hold together, and samples of a batch."""


def values_of(net: AskedNet, part: Graph, feeds: Mapping[str, np.ndarray], node: str) -> np.ndarray:
    """Return the value of a node for every sample, shape (n, *value), in evaluation mode.

    Args:
        part: the graph, or as much of it as is needed.
        feeds: name of an input -> samples, the same number for all.

    Raises:
        GraphError: the node has no value for each sample.
    """
    plan = net.forward_plan(part)
    count, size = len(next(iter(feeds.values()))), samples_at_a_time(part)
    found: np.ndarray | None = None
    for at in range(0, count, size):
        given = {name: x[at : at + size] for name, x in feeds.items()}
        plan.forward({name: _as_fed(part, name, x) for name, x in given.items()})
        value = plan.value(node).cpu().numpy()
        wanted = len(next(iter(given.values())))
        if value.ndim == 0 or len(value) != wanted:
            raise GraphError(f"{node} has no value for each sample: choose a node before it.")
        if found is None:
            found = np.empty((count, *value.shape[1:]), value.dtype)
        found[at : at + wanted] = value
    assert found is not None
    return found


def _as_fed(graph: Graph, name: str, x: np.ndarray) -> np.ndarray:
    """Samples in the shape of an input."""
    return x.reshape(len(x), *graph.node(name).attributes["shape"])


def samples_at_a_time(graph: Graph) -> int:
    """Return how many samples a batch may have for all its values to fit into memory."""
    shapes = ShapeInference(graph)
    shapes.close()
    one = sum(numbers(s, 1) for known in shapes.flat().values() for s in known.outputs)
    return max(1, min(MOST_SAMPLES, MOST_NUMBERS // max(1, one)))
