"""The part of a graph that answers: what goes out to other programs, without what judges it."""

from __future__ import annotations

from collections.abc import Sequence

from graphcore.errors import ExportError
from graphcore.graph.flatten import FlatGraph, FlatNode, Port


def answers(flat: FlatGraph, answer: str) -> list[Port]:
    """Return the answer, or what nothing reads; neither a loss nor what depends on a target.

    Args:
        answer: node or composite that is the output; "" for all that nothing reads.

    Raises:
        ExportError: nothing is computed.
    """
    judged = _judged(flat)
    if answer:
        found = next((n for n in flat.nodes if n.name == answer), None)
        inside = [p for p in flat.aliases if p[0] == answer]
        return [(found.name, found.node.outputs[0]) if found else flat.resolve(inside[0])]
    read = {p for n in flat.nodes if n.name not in judged for p in n.inputs.values()}
    ends = [
        (n.name, n.node.outputs[0])
        for n in flat.nodes
        if n.name not in judged and n.node.op.category != "source"
        and not any((n.name, o) in read for o in n.node.outputs)
    ]  # fmt: skip
    if not ends:
        raise ExportError("there is no node that computes something: nothing was written.")
    return ends


def needed(flat: FlatGraph, outputs: Sequence[Port]) -> list[FlatNode]:
    """Return the nodes that the outputs depend on, in their order."""
    wanted = {name for name, _ in outputs}
    for node in reversed(flat.nodes):
        if node.name in wanted:
            wanted |= {source for source, _ in node.inputs.values()}
    return [n for n in flat.nodes if n.name in wanted]


def called(flat: FlatNode) -> str:
    """Return what a node computes, by the name that a message gives it."""
    a = flat.node.attributes
    return str(a.get("overload") or a.get("kind") or flat.node.operator)


def _judged(flat: FlatGraph) -> set[str]:
    found: set[str] = set()
    for node in flat.nodes:
        begins = node.node.operator == "Target" or node.node.op.category == "loss"
        if begins or any(source in found for source, _ in node.inputs.values()):
            found.add(node.name)
    return found
