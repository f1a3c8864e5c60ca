"""Making one node of several, and several of one: what a sub-graph needs to stand on its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from graphcore import ops
from graphcore.dims import Shape
from graphcore.errors import GraphError
from graphcore.graph.elements import Edge, Node
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference

PORTS = ("Input", "Target", "Output")
"""Operators whose nodes are the ports of the composite they stand in."""
GAP = 220.0
"""From a sub-graph's nodes to its ports, in canvas units."""


@dataclass(frozen=True)
class Exchange:
    """Nodes and edges that take the place of others.

    Attributes:
        gone: names of the nodes that go; their edges go with them.
        nodes, edges: what comes.
    """

    gone: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def group(graph: Graph, names: Iterable[str], name: str, shapes: ShapeInference) -> Exchange:
    """One composite node in place of several; its ports follow from the edges that are cut.

    Ports stay outside: Input, Target and Output nodes among the names are left where they are.

    Raises:
        GraphError: nothing to group, or a node outside lies between two of the group.
    """
    wanted = {n for n in names if graph.node(n).operator not in PORTS}
    chosen = dict.fromkeys(n for n in graph.topological_order() if n in wanted)
    if not chosen:
        raise GraphError("Select nodes to group; Input, Target and Output stay outside.")
    between = (graph.descendants(chosen) & graph.ancestors(chosen)) - chosen.keys()
    if between:
        raise GraphError(f"{min(between)} lies between the selected nodes: select it too.")
    inside = Graph()
    for n in chosen:
        inside.insert(graph.node(n).copy())
        inside.update(n, frame="")
    entering = [e for n in chosen for e in graph.edges_into(n)]
    for edge in entering:
        if edge.source in chosen:
            inside.connect_edge(edge)
    incoming = _add_inputs(graph, inside, [e for e in entering if e.source not in chosen], shapes)
    outgoing = _add_outputs(graph, inside, list(chosen))
    attributes = ops.get("Composite").complete({})
    node = Node(name, "Composite", attributes, position=_middle(graph, chosen), subgraph=inside)
    edges = [Edge(s, o, name, port) for (s, o), port in incoming.items()]
    edges += [
        Edge(name, outgoing[e.source, e.output], e.target, e.input)
        for n in chosen for e in graph.edges_from(n) if e.target not in chosen
    ]  # fmt: skip
    return Exchange(tuple(chosen), (node,), tuple(edges))


def _add_inputs(
    graph: Graph, inside: Graph, cut: list[Edge], shapes: ShapeInference
) -> dict[tuple[str, str], str]:
    """A port inside for every output that fed the group; returns their names."""
    ports: dict[tuple[str, str], str] = {}
    left, top = _corner(inside)
    for edge in cut:
        start = edge.source, edge.output
        if start not in ports:
            place = left - GAP, top + 120.0 * len(ports)
            port = _input_port(graph, start, _free(inside, "x"), shapes, place)
            inside.insert(port)
            ports[start] = port.name
        inside.connect_edge(Edge(ports[start], "y", edge.target, edge.input))
    return ports


def _input_port(
    graph: Graph, start: tuple[str, str], name: str, shapes: ShapeInference,
    place: tuple[float, float],
) -> Node:  # fmt: skip
    source = graph.node(start[0])
    if source.operator == "Target":
        return Node(name, "Target", ops.get("Target").complete({}), position=place)
    shape: Shape | None = shapes.shape(*start)
    batch = shape is None or any(not isinstance(d, int) for d in shape)
    known = tuple(d for d in shape or (1,) if isinstance(d, int))
    kind = source.attributes.get("dtype", "float") if source.operator == "Input" else "float"
    given = {"shape": known, "batch": batch, "dtype": kind}
    return Node(name, "Input", ops.get("Input").complete(given), position=place)


def _add_outputs(graph: Graph, inside: Graph, chosen: list[str]) -> dict[tuple[str, str], str]:
    """Add a port for every output that is read outside or not at all; return their names."""
    ports: dict[tuple[str, str], str] = {}
    right = max((n.position or (0.0, 0.0))[0] for n in inside) + GAP
    _, top = _corner(inside)
    for name in chosen:
        edges = graph.edges_from(name)
        read = {e.output for e in edges if e.target not in chosen}
        if not edges:
            read = set(graph.node(name).outputs)
        for output in (o for o in graph.node(name).outputs if o in read):
            port = _free(inside, "y")
            place = right, top + 120.0 * len(ports)
            inside.insert(Node(port, "Output", position=place))
            inside.connect_edge(Edge(name, output, port, "x"))
            ports[name, output] = port
    return ports


def ungroup(graph: Graph, name: str) -> Exchange:
    """The nodes inside a composite in its place; names that are taken get a number.

    Raises:
        GraphError: the node is no composite.
    """
    composite = graph.node(name)
    inside = composite.subgraph
    if inside is None:
        raise GraphError(f"{name} is no composite: there is nothing inside.")
    feeding = {e.input: (e.source, e.output) for e in graph.edges_into(name)}
    called = _names_outside(graph, inside, name)
    here, (left, top) = composite.position or (0.0, 0.0), _corner(inside)
    nodes = []
    for old, new in called.items():
        node = inside.node(old).copy()
        x, y = node.position or (left, top)
        node.name, node.position = new, (here[0] + x - left, here[1] + y - top)
        node.frame = composite.frame
        nodes.append(node)

    def origin(edge: Edge) -> tuple[str, str] | None:
        """Where the value of an inner edge comes from, seen from outside."""
        if edge.source in called:
            return called[edge.source], edge.output
        return feeding.get(edge.source)

    edges = []
    for inner in inside.edges:
        start = origin(inner)
        if start is not None and inner.target in called:
            edges.append(Edge(*start, called[inner.target], inner.input))
    for outer in graph.edges_from(name):
        read = next(iter(inside.edges_into(outer.output)), None)
        start = origin(read) if read else None
        if start is not None:
            edges.append(replace(outer, source=start[0], output=start[1]))
    return Exchange((name,), tuple(nodes), tuple(edges))


def _names_outside(graph: Graph, inside: Graph, composite: str) -> dict[str, str]:
    """Inner name -> name outside, of all nodes that are no ports."""
    taken = {n.name for n in graph} - {composite}
    called = {}
    for node in inside:
        if node.operator not in PORTS:
            called[node.name] = _unused(taken, node.name)
            taken.add(called[node.name])
    return called


def _free(graph: Graph, base: str) -> str:
    return _unused({n.name for n in graph}, base)


def _unused(taken: Collection[str], base: str) -> str:
    name, i = base, 2
    while name in taken:
        name, i = f"{base}_{i}", i + 1
    return name


def _corner(graph: Graph) -> tuple[float, float]:
    """Upper left corner of the nodes that are no ports."""
    places = [n.position or (0.0, 0.0) for n in graph if n.operator not in PORTS]
    return min((x for x, _ in places), default=0.0), min((y for _, y in places), default=0.0)


def _middle(graph: Graph, names: Iterable[str]) -> tuple[float, float]:
    places = [graph.node(n).position or (0.0, 0.0) for n in names]
    return (sum(x for x, _ in places) / len(places), sum(y for _, y in places) / len(places))


def levels(graph: Graph) -> Iterator[tuple[str, Graph]]:
    """The graph and what is inside its composites, each with what its names begin with."""
    stack = [("", graph)]
    while stack:
        prefix, level = stack.pop()
        yield prefix, level
        stack += [(f"{prefix}{n.name}/", n.subgraph) for n in level if n.subgraph is not None]
