"""The graph: nodes, edges, what may be joined to what, and who hears of a change.

A ``Graph`` checks before it changes and raises a named error otherwise, so a change is made
whole or not at all. Every change ends in one call of each listener with a ``Change``.
Order and multiplicity matter: ``x * x`` is two edges from one output.
"""

from __future__ import annotations

import graphlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from graphcore import ops
from graphcore.errors import (
    AttributeRefusedError,
    CycleError,
    GraphError,
    InputTakenError,
    NameRefusedError,
    UnknownNodeError,
    UnknownPortError,
)
from graphcore.graph.elements import Change, Edge, Frame, Node, NodeOrName, Note, renamed
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import networkx as nx

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])")


Listener = Callable[[Change], None]


class Graph:
    """A directed acyclic graph of operator nodes.

    Attributes:
        listeners: called in order with every ``Change``; append and remove at will.
        training: data set, optimiser, schedule and seed that are saved with the graph.
        view: where one looked when it was saved: x and y of the middle, and the zoom; None for all.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._incoming: dict[str, dict[str, Edge]] = {}
        self._outgoing: dict[str, dict[Edge, None]] = {}
        self.listeners: list[Listener] = []
        self.frames: dict[str, Frame] = {}
        self.notes: dict[str, Note] = {}
        self.training = TrainingSettings()
        self.view: tuple[float, float, float] | None = None

    # -- asking -------------------------------------------------------------------------------

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
        graph: Graph | None = self
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
        """Node names, every node after all that it depends on; ties in order of addition.

        Sorted by the standard library: the window draws its first graph without networkx, whose
        import takes as long as all that of Qt.
        """
        order = graphlib.TopologicalSorter[str]()
        for name in self._nodes:
            order.add(name)
        ends = ((e.source, e.target) for es in self._outgoing.values() for e in es)
        for source, target in dict.fromkeys(ends):
            order.add(target, source)
        return tuple(order.static_order())

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

    # -- changing -----------------------------------------------------------------------------

    def add(self, operator: str, *, name: str | None = None, **attributes: Any) -> Node:
        """Add a node of a registered operator.

        Args:
            name: an identifier; left out, the operator's name in lower case with a number.

        Raises:
            UnknownOperatorError, AttributeRefusedError, NameRefusedError.
        """
        op = ops.get(operator)
        full = op.complete(attributes)
        node = Node(name if name is not None else self.free_name(operator), operator, full)
        return self.insert(node)

    def insert(self, node: Node, before: str = "") -> Node:
        """Add a node that was made elsewhere (undo, paste, files); raises NameRefusedError.

        Args:
            before: the node that comes next; the ports of a composite stand in the order of its
                nodes.
        """
        self._check_name(node.name)
        ops.get(node.operator)
        self._nodes[node.name] = node
        if before:
            names = [n for n in self._nodes if n != node.name]
            names.insert(names.index(before), node.name)
            self._nodes = {n: self._nodes[n] for n in names}
        self._incoming[node.name], self._outgoing[node.name] = {}, {}
        self._tell(Change("node_added", node.name))
        return node

    def remove(self, node: NodeOrName) -> tuple[Node, tuple[Edge, ...]]:
        """Remove a node and its edges; returns both, so that ``restore`` can undo it."""
        found = self.node(node)
        edges = tuple(dict.fromkeys(self.edges_into(found) + self.edges_from(found)))
        for edge in edges:
            self.disconnect(edge)
        del self._nodes[found.name], self._incoming[found.name], self._outgoing[found.name]
        self._tell(Change("node_removed", found.name))
        return found, edges

    def restore(self, node: Node, edges: Sequence[Edge]) -> None:
        """Put back what ``remove`` returned."""
        self.insert(node)
        for edge in edges:
            self.connect_edge(edge)

    def connect(
        self,
        source: NodeOrName,
        target: NodeOrName,
        *,
        input: str | None = None,
        output: str | None = None,
    ) -> Edge:
        """Join an output to an input.

        Left out, ``output`` is the first output and ``input`` the first free data input.

        Raises:
            UnknownNodeError, UnknownPortError, InputTakenError, CycleError.
        """
        start, end = self.node(source), self.node(target)
        if output is None:
            if not start.outputs:
                raise UnknownPortError(f"{start.name} has no output.")
            output = start.outputs[0]
        if input is None:
            input = self._first_free_input(end)
        return self.connect_edge(Edge(start.name, output, end.name, input))

    def connect_edge(self, edge: Edge) -> Edge:
        """Add an edge as given; same refusals as ``connect``."""
        self.check_edge(edge)
        self._put_edge(edge)
        self._tell(Change("edge_added", edge=edge))
        return edge

    def check_edge(self, edge: Edge, replacing: bool = False) -> None:
        """Raise what ``connect`` would raise for this edge; change nothing.

        Args:
            replacing: an edge that is at the input already would give way.
        """
        self.check_ports(edge)
        taken = self._incoming[edge.target].get(edge.input)
        if taken is not None and not replacing:
            raise InputTakenError(
                f"Input {edge.input} of {edge.target} already has an edge from {taken.source}; "
                "an input takes one edge."
            )
        if edge.source == edge.target or edge.source in self.descendants([edge.target]):
            raise CycleError(
                f"An edge from {edge.source} to {edge.target} would close a cycle: "
                f"{edge.source} depends on {edge.target}."
            )

    def check_ports(self, edge: Edge) -> None:
        """Raise UnknownNodeError or UnknownPortError if an end of the edge does not exist."""
        start, end = self.node(edge.source), self.node(edge.target)
        if edge.output not in start.outputs:
            raise UnknownPortError(
                f"{start.name} has no output {edge.output!r}; "
                f"it has: {', '.join(start.outputs) or 'none'}."
            )
        if not self._takes(end, edge.input):
            raise UnknownPortError(
                f"{end.name} has no input {edge.input!r}; "
                f"it has: {', '.join(self.inputs(end)) or 'none'}."
            )

    def disconnect(self, edge: Edge) -> None:
        """Remove an edge; raises UnknownPortError if it is not in the graph."""
        if self.edge_into(edge.target, edge.input) != edge:
            raise UnknownPortError(f"There is no edge from {edge.source} to {edge.target}.")
        del self._incoming[edge.target][edge.input]
        del self._outgoing[edge.source][edge]
        self._tell(Change("edge_removed", edge=edge))

    def rename(self, node: NodeOrName, name: str) -> None:
        """Give a node another name; raises NameRefusedError."""
        found = self.node(node)
        old = found.name
        if name == old:
            return
        self._check_name(name)
        edges = [renamed(e, old, name) for e in self.edges]
        self._nodes = {name if k == old else k: n for k, n in self._nodes.items()}
        found.name = name
        self._incoming = {k: {} for k in self._nodes}
        self._outgoing = {k: {} for k in self._nodes}
        for edge in edges:
            self._put_edge(edge)
        self.training = self.training.renamed(old, name)
        self._tell(Change("node_renamed", name, old=old))

    def set_attributes(self, node: NodeOrName, **changes: Any) -> None:
        """Change attributes of a node, all or none.

        Raises:
            AttributeRefusedError: unknown, unfit, or it would take away a connected port.
        """
        found = self.node(node)
        full = found.op.complete({**found.attributes, **changes})
        kept = {"parameters": found.op.parameter_names(full), "outputs": found.op.outputs_for(full)}
        for edge in self.edges_into(found):
            if edge.input in found.parameter_inputs and edge.input not in kept["parameters"]:
                raise AttributeRefusedError(
                    f"{found.name}: input {edge.input} has an edge; remove the edge first."
                )
        for edge in self.edges_from(found):
            if edge.output not in kept["outputs"]:
                raise AttributeRefusedError(
                    f"{found.name}: output {edge.output} has an edge; remove the edge first."
                )
        found.attributes = full
        self._tell(Change("node_changed", found.name, what="attributes"))

    def set_initializer(self, node: NodeOrName, input: str, initializer: str | None) -> None:
        """Choose how a parameter starts; None means the operator's own choice."""
        from graphcore.ops.initializers import check

        found = self._with_parameter(node, input)
        if initializer is None:
            found.initializers = {k: v for k, v in found.initializers.items() if k != input}
        else:
            check(initializer)
            found.initializers = {**found.initializers, input: initializer}
        self._tell(Change("node_changed", found.name, what="initializers"))

    def set_frozen(self, node: NodeOrName, input: str, frozen: bool) -> None:
        """Keep a parameter out of training, or let it train."""
        found = self._with_parameter(node, input)
        found.frozen = found.frozen | {input} if frozen else found.frozen - {input}
        self._tell(Change("node_changed", found.name, what="frozen"))

    def frozen_changed(self, node: NodeOrName) -> None:
        """Tell listeners that other parameters inside a composite are frozen."""
        self._tell(Change("node_changed", self.node(node).name, what="frozen"))

    def update(self, node: NodeOrName, **fields: Any) -> None:
        """Set ``position``, ``frame``, ``pinned`` or ``bypassed`` of a node."""
        found = self.node(node)
        unknown = fields.keys() - {"position", "frame", "pinned", "bypassed"}
        if unknown:
            raise GraphError(f"A node has no field {sorted(unknown)[0]!r} that can be set.")
        for key, value in fields.items():
            setattr(found, key, value)
            self._tell(Change("node_changed", found.name, what=key))

    def inside_changed(self, node: NodeOrName) -> None:
        """Tell listeners that the sub-graph of a composite is another."""
        self._tell(Change("node_changed", self.node(node).name, what="inside"))

    def set_frame(self, name: str, frame: Frame | None) -> None:
        """Add or change a frame; None removes it (its nodes stay)."""
        _put(self.frames, name, frame)
        self._tell(Change("frame_changed", name))

    def set_note(self, name: str, note: Note | None) -> None:
        """Add or change a note; None removes it."""
        _put(self.notes, name, note)
        self._tell(Change("note_changed", name))

    def set_training(self, training: TrainingSettings) -> None:
        """Change what is trained on and how."""
        self.training = training
        self._tell(Change("training_changed"))

    def _repr_svg_(self) -> str:
        """Return the drawing that a notebook shows."""
        from graphcore.graph.drawing.picture import drawing

        return drawing(self)

    def copy(self) -> Graph:
        """An independent copy without listeners."""
        twin = Graph()
        twin._nodes = {k: n.copy() for k, n in self._nodes.items()}
        twin._incoming = {k: dict(v) for k, v in self._incoming.items()}
        twin._outgoing = {k: dict(v) for k, v in self._outgoing.items()}
        twin.frames, twin.notes, twin.training = dict(self.frames), dict(self.notes), self.training
        return twin

    @classmethod
    def build(cls, nodes: Iterable[Node], edges: Iterable[Edge]) -> Graph:
        """A graph from its parts, checked as a whole: linear in its size.

        Raises:
            NameRefusedError, UnknownNodeError, UnknownPortError, InputTakenError, CycleError.
        """
        graph = cls()
        for node in nodes:
            graph.insert(node)
        for edge in edges:
            graph.check_ports(edge)
            if edge.input in graph._incoming[edge.target]:
                raise InputTakenError(f"Input {edge.input} of {edge.target} has two edges.")
            graph._put_edge(edge)
        try:
            graph.topological_order()
        except graphlib.CycleError:
            cycle = nx.find_cycle(nx.DiGraph([(e.source, e.target) for e in graph.edges]))
            path = " → ".join([a for a, _ in cycle] + [cycle[0][0]])
            raise CycleError(f"The graph has a cycle: {path}.") from None
        return graph

    # -- names and ports ----------------------------------------------------------------------

    def free_name(self, operator: str) -> str:
        """``max_pool2d``, or ``max_pool2d_2`` if that is taken."""
        base = usual_name(operator)
        name, i = base, 2
        while name in self._nodes:
            name, i = f"{base}_{i}", i + 1
        return name

    def _check_name(self, name: str) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise NameRefusedError(
                f"{name!r} is not a name: letters, digits and _ only, not starting with a digit."
            )
        if name in self._nodes:
            raise NameRefusedError(f"There is a node called {name!r} already.")

    def _takes(self, node: Node, input: str) -> bool:
        if node.subgraph is None and node.op.variadic:
            return bool(re.fullmatch(r"x(0|[1-9][0-9]{0,3})", input))
        return input in self.inputs(node)

    def _first_free_input(self, node: Node) -> str:
        for name in self.data_inputs(node):
            if name not in self._incoming[node.name]:
                return name
        raise InputTakenError(f"Every input of {node.name} has an edge already.")

    def _with_parameter(self, node: NodeOrName, input: str) -> Node:
        found = self.node(node)
        if input not in found.parameter_inputs:
            raise UnknownPortError(f"{found.name} has no parameter called {input!r}.")
        return found

    def _put_edge(self, edge: Edge) -> None:
        self._incoming[edge.target][edge.input] = edge
        self._outgoing[edge.source][edge] = None

    def _tell(self, change: Change) -> None:
        for listener in tuple(self.listeners):
            listener(change)


def _put(table: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def usual_name(operator: str) -> str:
    """What the first node of an operator is called: ``max_pool2d``."""
    return _WORDS.sub("_", operator).lower()
