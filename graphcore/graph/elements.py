"""The parts of a graph: plain records, changed through ``Graph`` alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from graphcore import ops

if TYPE_CHECKING:
    from graphcore.graph.graph import Graph


@dataclass(frozen=True)
class Edge:
    """A connection from one node's output to one input of another; an input takes one edge."""

    source: str
    output: str
    target: str
    input: str


@dataclass(eq=False)
class Node:
    """An operator in the graph. Changed through ``Graph`` alone, so that listeners hear of it.

    Attributes:
        name: unique in its graph; an identifier.
        operator: name of the registered operator, or "Composite".
        attributes: every attribute of the operator, defaults filled in.
        position: (x, y) of the top-left corner on the canvas, in canvas units, or None.
        frame: name of the frame that owns the node, or "".
        pinned: whether automatic layout leaves the node where it is.
        bypassed: whether the node passes its first input through unchanged.
        initializers: parameter input -> initialiser, where it differs from the operator's own.
        frozen: parameter inputs that training leaves alone.
        subgraph: the inside of a composite node, or None.
    """

    name: str
    operator: str
    attributes: dict[str, Any] = field(default_factory=dict)
    position: tuple[float, float] | None = None
    frame: str = ""
    pinned: bool = False
    bypassed: bool = False
    initializers: dict[str, str] = field(default_factory=dict)
    frozen: frozenset[str] = frozenset()
    subgraph: Graph | None = None

    @property
    def op(self) -> ops.OperatorClass:
        """The registered class."""
        return ops.get(self.operator)

    @property
    def parameter_inputs(self) -> tuple[str, ...]:
        """Inputs that the node fills with a parameter of its own while they have no edge."""
        return () if self.subgraph is not None else self.op.parameter_names(self.attributes)

    @property
    def outputs(self) -> tuple[str, ...]:
        if self.subgraph is not None:
            return tuple(n.name for n in self.subgraph.nodes if n.operator == "Output")
        return self.op.outputs_for(self.attributes)

    def copy(self) -> Node:
        """An independent copy (the sub-graph too)."""
        return replace(
            self,
            attributes=dict(self.attributes),
            initializers=dict(self.initializers),
            subgraph=self.subgraph.copy() if self.subgraph is not None else None,
        )


NodeOrName = Node | str


@dataclass(frozen=True)
class Frame:
    """A titled, coloured area that owns nodes (``Node.frame``) and may lie in another frame."""

    name: str
    title: str
    color: str = "blue"
    parent: str = ""


@dataclass(frozen=True)
class Note:
    """Text on the canvas; ``position`` is its top-left corner, ``size`` its width and height."""

    name: str
    text: str
    position: tuple[float, float] = (0.0, 0.0)
    size: tuple[float, float] = (220.0, 100.0)


@dataclass(frozen=True)
class Change:
    """A change as listeners receive it.

    Attributes:
        kind: "node_added", "node_removed", "node_renamed" (``old`` is the former name),
            "node_changed" (``what`` is the changed field, or "inside" for a composite),
            "edge_added", "edge_removed", "frame_changed", "note_changed", "training_changed".
    """

    kind: str
    name: str = ""
    edge: Edge | None = None
    what: str = ""
    old: str = ""


def renamed(edge: Edge, old: str, new: str) -> Edge:
    """The edge after one of the nodes at its ends got another name."""
    if old not in (edge.source, edge.target):
        return edge
    return replace(
        edge,
        source=new if edge.source == old else edge.source,
        target=new if edge.target == old else edge.target,
    )
