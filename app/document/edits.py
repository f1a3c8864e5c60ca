"""Edits that need some thought: what has to change so that one gesture comes out right."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from app.document import commands
from app.document.commands import Reversible
from graphcore import files
from graphcore.errors import GraphError
from graphcore.graph.composites import Exchange
from graphcore.graph.drawing.layers import GAP_X, NODE_SIZE
from graphcore.graph.elements import Edge, Frame, Node
from graphcore.graph.graph import Graph

STEP = NODE_SIZE[0] + GAP_X


def exchange(graph: Graph, old: Node, new: Node) -> list[Reversible]:
    """One node for another of the same name; the edges stay."""
    edges = [*graph.edges_into(old), *graph.edges_from(old)]
    return [
        *(commands.disconnect(e) for e in edges), commands.remove(old), commands.add(new),
        *(commands.connect(e) for e in edges),
    ]  # fmt: skip


def remove(graph: Graph, nodes: Sequence[Node], reconnect: bool) -> list[Reversible]:
    """Nodes go with their edges; ``reconnect`` joins what stood on both sides."""
    gone = {n.name for n in nodes}
    edges = [e for n in nodes for e in (*graph.edges_into(n), *graph.edges_from(n))]
    changes = [commands.disconnect(e) for e in dict.fromkeys(edges)]
    changes += [commands.remove(n) for n in nodes]
    if reconnect:
        changes += [commands.connect(e) for e in bridges(graph, gone)]
    return changes


def bridges(graph: Graph, gone: Collection[str]) -> list[Edge]:
    """Edges from what fed the nodes that go to what read them."""
    found = []
    for name in gone:
        for edge in graph.edges_from(name):
            if edge.target in gone:
                continue
            start = _origin(graph, name, gone)
            if start is not None:
                found.append(replace(edge, source=start.source, output=start.output))
    return found


def _origin(graph: Graph, name: str, gone: Collection[str]) -> Edge | None:
    """The edge that brings a value to the first of the nodes that go."""
    while True:
        edge = next(iter(graph.edges_into(name)), None)
        if edge is None or edge.source not in gone:
            return edge
        name = edge.source


def insert(graph: Graph, edge: Edge, node: Node, input: str) -> list[Reversible]:
    """Let a node that is in the graph take an edge's value in and hand it on."""
    if not node.outputs:
        raise GraphError(f"{node.name} has no output to hand a value on.")
    taken = graph.edge_into(node, input) if node.name in graph else None
    changes = [commands.disconnect(edge)]
    if taken is not None:
        changes.append(commands.disconnect(taken))
    changes.append(commands.connect(Edge(edge.source, edge.output, node.name, input)))
    changes.append(commands.connect(Edge(node.name, node.outputs[0], edge.target, edge.input)))
    return changes


def first_input(graph: Graph, node: Node) -> str:
    """Return the input that a value goes into by default; raises GraphError."""
    inputs = graph.data_inputs(node) if node.name in graph else ()
    if node.name not in graph:
        inputs = ("x0",) if node.op.variadic else node.op.inputs
    if not inputs:
        raise GraphError(f"{node.operator} takes no value in: it cannot stand on an edge.")
    return inputs[0]


def make_room(graph: Graph, edge: Edge, left: float) -> list[Reversible]:
    """Push what follows an edge to the right, so that a node at ``left`` has room before it.

    Only the row moves on: nodes that lie left of the edge's target, in the next row, stay.
    """
    target = graph.node(edge.target)
    if target.position is None:
        return []
    end = target.position
    missing = left + STEP - end[0]
    if missing <= 0 or end[0] < left - STEP:
        return []
    after = [graph.node(n) for n in {edge.target} | graph.descendants([edge.target])]
    return [
        commands.update(n, position=(n.position[0] + missing, n.position[1]))
        for n in sorted(after, key=lambda n: n.name)
        if n.position is not None and not n.pinned and _same_row(n.position, end)
    ]


def _same_row(place: tuple[float, float], target: tuple[float, float]) -> bool:
    return place[0] >= target[0] and abs(place[1] - target[1]) <= 2 * NODE_SIZE[1]


def between(graph: Graph, edge: Edge) -> tuple[float, float]:
    """Where a new node on an edge goes: beside the source, level with it."""
    start = graph.node(edge.source).position or (0.0, 0.0)
    end = graph.node(edge.target).position or (start[0] + STEP, start[1])
    if end[0] - start[0] >= 2 * STEP:
        return (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    return start[0] + STEP, start[1]


def move_output(
    graph: Graph, edges: Iterable[Edge], source: str, output: str
) -> tuple[list[Reversible], list[Edge]]:
    """Let another output feed the inputs that these edges feed; also the new edges."""
    old = list(edges)
    new = [replace(e, source=source, output=output) for e in old]
    changes = [commands.disconnect(e) for e in old] + [commands.connect(e) for e in new]
    return changes, new


def remove_frame(graph: Graph, name: str) -> list[Reversible]:
    """A frame goes; what it held belongs to the frame round it."""
    outer = graph.frames[name].parent
    changes = [commands.update(n, frame=outer) for n in graph if n.frame == name]
    changes += [
        commands.set_frame(graph, k, replace(f, parent=outer))
        for k, f in graph.frames.items()
        if f.parent == name
    ]
    return [*changes, commands.set_frame(graph, name, None)]


def add_frame(graph: Graph, frame: Frame, names: Iterable[str]) -> list[Reversible]:
    """A new frame round nodes, and round the frames that hold no other nodes.

    It lies in the frame that holds all of them, if there is one.
    """
    chosen = {n: graph.node(n).frame for n in names}
    chains = {owner: _frames_round(graph, owner) for owner in chosen.values()}
    others = {f for n in graph if n.name not in chosen for f in _frames_round(graph, n.frame)}
    whole = {f for chain in chains.values() for f in chain} - others
    shared = [f for f in next(iter(chains.values())) if all(f in c for c in chains.values())]
    parent = next((f for f in shared if f not in whole), "")
    changes = [commands.set_frame(graph, frame.name, replace(frame, parent=parent))]
    outermost = [f for f in sorted(whole) if graph.frames[f].parent not in whole]
    for name in outermost:
        inner = replace(graph.frames[name], parent=frame.name)
        changes.append(commands.set_frame(graph, name, inner))
    return changes + [
        commands.update(graph.node(n), frame=frame.name)
        for n, owner in chosen.items()
        if owner not in whole
    ]


def _frames_round(graph: Graph, name: str) -> list[str]:
    """A frame and those that it lies in, from the inside out."""
    chain: list[str] = []
    while name in graph.frames and name not in chain:
        chain.append(name)
        name = graph.frames[name].parent
    return chain


def make_way(graph: Graph, exchange: Exchange) -> None:
    """Put a composite that would lie on a node that stays below it."""
    staying = [n.position for n in graph if n.name not in exchange.gone and n.position]
    (width, height), (block,) = NODE_SIZE, exchange.nodes
    x, y = block.position or (0.0, 0.0)
    while any(abs(x - left) < width and abs(y - top) < height for left, top in staying):
        y += height + GAP_X / 2
    block.position = (x, y)


def become(graph: Graph, wanted: Graph) -> list[Reversible]:
    """Turn a graph into another one; nodes and edges that both have stay."""
    stays = {n.name for n in wanted if n.name in graph and _alike(graph.node(n.name), n)}
    gone = [n for n in graph if n.name not in stays]
    kept = [e for e in graph.edges if {e.source, e.target} <= stays]
    changes = remove(graph, gone, reconnect=False)
    changes += [commands.disconnect(e) for e in kept if e not in wanted.edges]
    for name in graph.frames.keys() | wanted.frames.keys():
        if graph.frames.get(name) != wanted.frames.get(name):
            changes.append(commands.set_frame(graph, name, wanted.frames.get(name)))
    changes += [commands.add(n) for n in wanted if n.name not in stays]
    changes += [commands.connect(e) for e in wanted.edges if e not in kept]
    for name in graph.notes.keys() | wanted.notes.keys():
        if graph.notes.get(name) != wanted.notes.get(name):
            changes.append(commands.set_note(graph, name, wanted.notes.get(name)))
    return [*changes, commands.set_training(graph, wanted.training)]


def _alike(a: Node, b: Node) -> bool:
    """Whether two nodes are the same, with what is inside them."""
    inside = [None if n.subgraph is None else files.dumps(n.subgraph) for n in (a, b)]
    return inside[0] == inside[1] and replace(a, subgraph=None) == replace(b, subgraph=None)
