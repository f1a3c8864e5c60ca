"""What the engine sees: the graph with every composite opened up."""

from __future__ import annotations

from dataclasses import dataclass

from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph

Port = tuple[str, str]
"""A node's name and one of its outputs."""


@dataclass(frozen=True)
class FlatNode:
    """A node of the flattened graph.

    Attributes:
        name: path of the node: "block/conv" for the node conv inside the composite block.
        inputs: for each connected input, in order, where its value comes from.
    """

    name: str
    node: Node
    inputs: dict[str, Port]


@dataclass(frozen=True)
class FlatGraph:
    """Nodes in topological order, and where the outputs of composites really come from."""

    nodes: tuple[FlatNode, ...]
    aliases: dict[Port, Port]

    def resolve(self, port: Port) -> Port:
        """The port that a composite's output stands for; other ports are returned as they are."""
        while port in self.aliases:
            port = self.aliases[port]
        return port


def flatten(graph: Graph) -> FlatGraph:
    """Open up every composite; inner names get the composite's name and a / in front."""
    nodes: list[FlatNode] = []
    aliases: dict[Port, Port] = {}
    _open(graph, "", {}, nodes, aliases)
    flat = FlatGraph((), aliases)
    resolved = [
        FlatNode(n.name, n.node, {i: flat.resolve(p) for i, p in n.inputs.items()}) for n in nodes
    ]
    return FlatGraph(tuple(resolved), aliases)


def _open(
    graph: Graph,
    prefix: str,
    outer: dict[str, Port],
    nodes: list[FlatNode],
    aliases: dict[Port, Port],
) -> None:
    """Append the nodes of one graph, whose Input nodes ``outer`` feeds."""
    for name in graph.topological_order():
        node = graph.node(name)
        path = prefix + name
        inputs = {e.input: (prefix + e.source, e.output) for e in graph.edges_into(name)}
        if node.subgraph is not None:
            _open(node.subgraph, f"{path}/", inputs, nodes, aliases)
            aliases.update({(path, o): (f"{path}/{o}", "y") for o in node.outputs})
        elif name in outer and node.operator in ("Input", "Target"):
            aliases[path, "y"] = outer[name]
        elif node.operator == "Output" and prefix and inputs:
            aliases[path, "y"] = next(iter(inputs.values()))
        elif node.bypassed and inputs:
            aliases[path, node.outputs[0]] = next(iter(inputs.values()))
        else:
            nodes.append(FlatNode(path, node, inputs))
