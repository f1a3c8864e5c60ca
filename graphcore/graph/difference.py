"""What one graph computes otherwise than another, in words as short as a table's."""

from __future__ import annotations

from graphcore.graph.elements import Edge, Node, renamed
from graphcore.graph.graph import Graph


def changes(before: Graph, after: Graph) -> tuple[str, ...]:
    """What was done to a net; none for the same net, wherever its nodes stand.

    Nodes are known by their names: one of another name is another node, in place of one that
    had the same neighbours. Training settings are no part of the net.
    """
    old, new = ({node.name: node for node in graph} for graph in (before, after))
    added, gone = ([n for n in a if n not in b] for a, b in ((new, old), (old, new)))
    places = dict(zip(_ends(before, gone), gone, strict=True))
    twins = [places.pop(ends, "") for ends in _ends(after, added)]
    found = [
        f"{twin} → {name} ({new[name].operator})" if twin else f"+ {name} ({new[name].operator})"
        for name, twin in zip(added, twins, strict=True)
    ]
    found += [f"− {name}" for name in gone if name not in twins]
    rewired = not found and set(before.edges) != set(after.edges)
    for name, node in new.items():
        if name in old:
            found += _of_node(old[name], node)
    return (*found, *(("other edges",) if rewired else ()))


def same_net(a: Graph, b: Graph) -> bool:
    """Whether two graphs compute the same, wherever their nodes stand and however they train."""
    return not changes(a, b)


def _ends(graph: Graph, names: list[str]) -> list[frozenset[Edge]]:
    """The edges at each of these nodes, whatever its own name."""
    found: dict[str, set[Edge]] = {name: set() for name in names}
    for edge in graph.edges:
        for name in {edge.source, edge.target} & found.keys():
            found[name].add(renamed(edge, name, ""))
    return [frozenset(edges) for edges in found.values()]


def _of_node(before: Node, after: Node) -> list[str]:
    name = after.name
    if before.operator != after.operator:
        return [f"{name}: {before.operator} → {after.operator}"]
    found = [
        f"{name}.{key}: {before.attributes.get(key)} → {value}"
        for key, value in after.attributes.items()
        if value != before.attributes.get(key)
    ]
    for key in sorted(before.initializers.keys() | after.initializers.keys()):
        one, other = (node.initializers.get(key, "its own") for node in (before, after))
        found += [f"{name}.{key}: initialiser {one} → {other}"] if one != other else []
    found += [f"{name}.{key} frozen" for key in sorted(after.frozen - before.frozen)]
    found += [f"{name}.{key} not frozen" for key in sorted(before.frozen - after.frozen)]
    if before.bypassed != after.bypassed:
        found.append(f"{name} bypassed" if after.bypassed else f"{name} not bypassed")
    if before.subgraph is not None and after.subgraph is not None:
        found += [f"{name}/{inner}" for inner in changes(before.subgraph, after.subgraph)]
    return found
