"""Undoable edits: lists of small reversible changes to a ``Graph``.

A change is a pair of functions over plain data, never over canvas items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphcore.errors import GradscapeError
from graphcore.graph import freezing
from graphcore.graph.composites import PORTS
from graphcore.graph.elements import Edge, Frame, Node, Note
from graphcore.graph.freezing import Owned
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings


@dataclass(frozen=True)
class Reversible:
    """A change and what takes it back."""

    do: Callable[[Graph], Any]
    undo: Callable[[Graph], Any]


def add(node: Node) -> Reversible:
    return Reversible(lambda g: g.insert(node), lambda g: g.remove(node.name))


def remove(node: Node) -> Reversible:
    """Remove a node whose edges are gone already; a port comes back at its place."""
    if node.operator not in PORTS:
        return Reversible(lambda g: g.remove(node.name), lambda g: g.insert(node))
    following = [""]

    def do(graph: Graph) -> None:
        ports = [n.name for n in graph if n.operator in PORTS]
        following[0] = "".join(ports[ports.index(node.name) + 1 :][:1])
        graph.remove(node.name)

    return Reversible(do, lambda g: g.insert(node, following[0]))


def connect(edge: Edge) -> Reversible:
    return Reversible(lambda g: g.connect_edge(edge), lambda g: g.disconnect(edge))


def disconnect(edge: Edge) -> Reversible:
    return Reversible(lambda g: g.disconnect(edge), lambda g: g.connect_edge(edge))


def rename(old: str, new: str) -> Reversible:
    return Reversible(lambda g: g.rename(old, new), lambda g: g.rename(new, old))


def set_attributes(node: Node, changes: dict[str, Any]) -> Reversible:
    name, before = node.name, dict(node.attributes)
    return Reversible(
        lambda g: g.set_attributes(name, **changes), lambda g: g.set_attributes(name, **before)
    )


def update(node: Node, **fields: Any) -> Reversible:
    """Set position, frame, pinned or bypassed."""
    name, before = node.name, {k: getattr(node, k) for k in fields}
    return Reversible(lambda g: g.update(name, **fields), lambda g: g.update(name, **before))


def set_initializer(node: Node, input: str, text: str | None) -> Reversible:
    name, before = node.name, node.initializers.get(input)
    return Reversible(
        lambda g: g.set_initializer(name, input, text),
        lambda g: g.set_initializer(name, input, before),
    )


def set_frozen(node: Node, input: str, frozen: bool) -> Reversible:
    name, before = node.name, input in node.frozen
    return Reversible(
        lambda g: g.set_frozen(name, input, frozen), lambda g: g.set_frozen(name, input, before)
    )


def freeze_all(parameters: Sequence[Owned], told: Sequence[str], frozen: bool) -> Reversible:
    """Freeze parameters of several levels, or let them train; ``told`` are nodes that show it."""

    def change(graph: Graph, frozen: bool) -> None:
        freezing.set_all(parameters, frozen)
        for name in told:
            graph.frozen_changed(name)

    return Reversible(lambda g: change(g, frozen), lambda g: change(g, not frozen))


def set_frame(graph: Graph, name: str, frame: Frame | None) -> Reversible:
    before = graph.frames.get(name)
    return Reversible(lambda g: g.set_frame(name, frame), lambda g: g.set_frame(name, before))


def set_note(graph: Graph, name: str, note: Note | None) -> Reversible:
    before = graph.notes.get(name)
    return Reversible(lambda g: g.set_note(name, note), lambda g: g.set_note(name, before))


def elsewhere(graph: Graph, change: Reversible) -> Reversible:
    """A change to another graph than the one that is edited, as part of the same step."""
    return Reversible(lambda _g: change.do(graph), lambda _g: change.undo(graph))


def set_training(graph: Graph, training: TrainingSettings) -> Reversible:
    before = graph.training
    return Reversible(lambda g: g.set_training(training), lambda g: g.set_training(before))


def make(graph: Graph, changes: Sequence[Reversible]) -> None:
    """Make changes in order, all or none.

    Raises:
        GradscapeError: a change was refused; those before it are taken back.
    """
    for i, change in enumerate(changes):
        try:
            change.do(graph)
        except GradscapeError:
            take_back(graph, changes[:i])
            raise


def take_back(graph: Graph, changes: Sequence[Reversible]) -> None:
    """Undo changes that were made, the last one first."""
    for change in reversed(changes):
        change.undo(graph)
