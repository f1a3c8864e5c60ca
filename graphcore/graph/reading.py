"""Asking a graph: its nodes and edges, what feeds what, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphcore.errors import UnknownNodeError
from graphcore.graph.elements import Edge, Node
from graphcore.late import networkx as nx

NodeOrName = Node | str


class ReadableGraph:
    """The side of a ``Graph`` that changes nothing."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._incoming: dict[str, dict[str, Edge]] = {}
        self._outgoing: dict[str, dict[Edge, None]] = {}

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(self._nodes.values())

    @property
    def edges(self) -> tuple[Edge, ...]:
        return tuple(e for name in self._nodes for e in self.edges_into(name))

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, name: object) -> bool:
        return name in self._nodes

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def node(self, node: NodeOrName) -> Node:
        """The node of that name; raises UnknownNodeError."""
        name = node if isinstance(node, str) else node.name
        try:
            return self._nodes[name]
        except KeyError:
            raise UnknownNodeError(f"There is no node called {name!r}.") from None

    def at(self, path: str) -> Node:
        """The node at a path, "block/conv" inside composites; raises UnknownNodeError."""
        graph: ReadableGraph | None = self
        *composites, name = path.split("/")
        for composite in composites:
            graph = graph.node(composite).subgraph if graph is not None else None
        if graph is None:
            raise UnknownNodeError(f"There is nothing inside a composite at {path!r}.")
        return graph.node(name)

    def data_inputs(self, node: NodeOrName) -> tuple[str, ...]:
        """Names of the non-parameter inputs; a variadic node has one free input at its end."""
        found = self.node(node)
        if found.subgraph is not None:
            inner = found.subgraph.nodes
            return tuple(n.name for n in inner if n.operator in ("Input", "Target"))
        if not found.op.variadic:
            return found.op.inputs
        used = [int(i[1:]) for i in self._incoming[found.name]]
        return tuple(f"x{i}" for i in range(max(used, default=-1) + 2))

    def inputs(self, node: NodeOrName) -> tuple[str, ...]:
        """Names of all inputs: the data inputs, then the parameter inputs."""
        return self.data_inputs(node) + self.node(node).parameter_inputs

    def edge_into(self, node: NodeOrName, input: str) -> Edge | None:
        """The edge that feeds an input, or None."""
        return self._incoming[self.node(node).name].get(input)

    def edges_into(self, node: NodeOrName) -> tuple[Edge, ...]:
        """Edges into a node, in the order of its inputs."""
        found = self.node(node)
        arriving = self._incoming[found.name]
        if len(arriving) <= 1:
            return tuple(arriving.values())
        return tuple(arriving[i] for i in self.inputs(found) if i in arriving)

    def edges_from(self, node: NodeOrName) -> tuple[Edge, ...]:
        """Edges out of a node, in the order in which they were made."""
        return tuple(self._outgoing[self.node(node).name])

    def topological_order(self) -> tuple[str, ...]:
        """Node names, every node after all that it depends on; ties in order of addition."""
        graph = nx.DiGraph()
        graph.add_nodes_from(self._nodes)
        graph.add_edges_from((e.source, e.target) for es in self._outgoing.values() for e in es)
        return tuple(nx.topological_sort(graph))

    def descendants(self, start: Iterable[str]) -> set[str]:
        """Names of all nodes that can be reached from ``start``, which is left out."""
        seen: set[str] = set()
        stack = list(start)
        while stack:
            for edge in self._outgoing[stack.pop()]:
                if edge.target not in seen:
                    seen.add(edge.target)
                    stack.append(edge.target)
        return seen

    def ancestors(self, start: Iterable[str]) -> set[str]:
        """Names of all nodes that ``start`` depends on; ``start`` is left out."""
        seen: set[str] = set()
        stack = list(start)
        while stack:
            for edge in self._incoming[stack.pop()].values():
                if edge.source not in seen:
                    seen.add(edge.source)
                    stack.append(edge.source)
        return seen
