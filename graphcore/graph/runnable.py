"""The part of an unfinished graph that can be run forward."""

from __future__ import annotations

import msgspec

from graphcore.graph.binding import waiting
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference


def runnable_part(graph: Graph) -> Graph:
    """Return a copy of a graph without the nodes that cannot be computed.

    Left out are nodes with a problem, targets, all inputs but one that wait for data (the one
    called x stays, else the first), and whatever depends on any of these.
    """
    shapes = ShapeInference(graph)
    shapes.close()
    open_inputs = waiting(graph)
    fed = "x" if "x" in open_inputs else next(iter(open_inputs), "")
    broken = {*shapes.problems, *open_inputs} - {fed}
    broken |= {n.name for n in graph if n.operator == "Target"}
    part = graph.copy()
    for name in broken | graph.descendants(broken):
        part.remove(name)
    part.training = msgspec.structs.replace(graph.training, objectives=())
    return part
