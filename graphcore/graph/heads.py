"""The last layer of a net, which tells the classes apart, and a fresh one in its place."""

from __future__ import annotations

import re

import msgspec

from graphcore import ops
from graphcore.errors import GraphError
from graphcore.graph import freezing
from graphcore.graph.binding import bind, bind_forward
from graphcore.graph.elements import Edge, Node
from graphcore.graph.graph import Graph
from graphcore.graph.runnable import runnable_part

SIZES = ("out_features", "out_channels")
"""Attributes that say how many answers a layer gives."""
NAME = "head"
STAND_IN = "random"
"""Data that are made up for any number of classes."""


def find_head(graph: Graph) -> str:
    """Return the path of the layer that a graph's answer comes from, ``block/layer`` inside ones.

    Raises:
        GraphError: no layer has as many outputs as there are classes.
    """
    levels, name = [("", graph)], _answer(graph)
    while name:
        node = levels[-1][1].node(name)
        if node.subgraph is not None:
            levels.append((name, node.subgraph))
            name = _source(node.subgraph, node.outputs[0])
        elif any(size in node.attributes for size in SIZES):
            return "/".join([*(inside for inside, _ in levels[1:]), name])
        else:
            name = _source(levels[-1][1], name)
            while name and len(levels) > 1 and levels[-1][1].node(name).operator == "Input":
                inside, _ = levels.pop()
                edge = levels[-1][1].edge_into(inside, name)
                name = edge.source if edge else ""
    raise GraphError("No layer of this graph gives the scores of classes: it has no head.")


def replace_head(graph: Graph, classes: int, freeze: bool = True) -> Graph:
    """Return a copy of a graph whose last layer is a fresh one for this many classes.

    It has another name, so that no weights of the old one go on in it.

    Args:
        freeze: whether all other parameters are kept out of training.

    Raises:
        GraphError: there is no such layer, no class, or a loss that takes no classes.
    """
    if classes < 1:
        raise GraphError(f"A head tells at least one class apart, not {classes}.")
    path, made = find_head(graph), graph.copy()
    _check_loss(graph)
    *composites, old = path.split("/")
    level = made
    for name in composites:
        inside = level.node(name).subgraph
        assert inside is not None
        level = inside
    if freeze:
        everything = list(freezing.owned(made, made.nodes))
        freezing.set_all(freezing.to_change(everything, frozen=True), frozen=True)
    _exchange(level, level.node(old), classes)
    if made.training.dataset == STAND_IN:
        options = {**made.training.dataset_options, "classes": classes}
        made.training = msgspec.structs.replace(made.training, dataset_options=options)
    return made


def _check_loss(graph: Graph) -> None:
    try:
        kind = bind(graph).loss_kind
    except GraphError:
        return
    if ops.get(kind).answers != "class":
        raise GraphError(f"The loss {kind} does not tell classes apart: choose another loss first.")


def _exchange(graph: Graph, old: Node, classes: int) -> None:
    """Put a fresh layer of the same kind in a layer's place."""
    size = next(s for s in SIZES if s in old.attributes)
    name = _fresh_name(graph, old.name)
    attributes = ops.get(old.operator).complete({**old.attributes, size: classes})
    fresh = Node(name, old.operator, attributes, position=old.position, frame=old.frame)
    _, edges = graph.remove(old)
    graph.insert(fresh)
    for edge in edges:
        if edge.target != old.name:
            graph.connect_edge(Edge(name, edge.output, edge.target, edge.input))
        elif edge.input not in fresh.parameter_inputs:
            graph.connect_edge(Edge(edge.source, edge.output, name, edge.input))


def _fresh_name(graph: Graph, old: str) -> str:
    """A name that no head had before, so that none of their weights come back in it."""
    found = re.fullmatch(rf"{NAME}(?:_(\d{{1,6}}))?", old)
    number = int(found[1] or 1) + 1 if found else 1
    while (name := NAME if number == 1 else f"{NAME}_{number}") in graph:
        number += 1
    return name


def _answer(graph: Graph) -> str:
    """Name of the node whose value is the net's answer."""
    try:
        return bind(graph).output
    except GraphError:
        return bind_forward(runnable_part(graph)).output


def _source(graph: Graph, name: str) -> str:
    """Name of the node that feeds a node's first input; "" if none does."""
    return next((e.source for e in graph.edges_into(name)), "")
