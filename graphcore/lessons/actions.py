"""What a solution or a setup may do: nothing that the menus of the window cannot.

An action is one function with one decorator; it changes a graph through the player, which may be
a play without a window or the window itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from graphcore import ops, presets
from graphcore.errors import GradscapeError, LessonError, quote
from graphcore.graph.elements import Edge
from graphcore.graph.graph import Graph
from graphcore.lessons.functions import action
from graphcore.training.settings_check import check as check_settings

MOST_EPOCHS = 2000


class Player(Protocol):
    """Who carries actions out."""

    def edit(self, change: Callable[[Graph], None]) -> None:
        """Change the graph; weights that still fit stay."""

    def open_graph(self, graph: Graph) -> None:
        """Take another graph, from its start."""

    def open_run(self, name: str) -> None:
        """Take up the runs of a file beside the lesson."""

    def lesson_graph(self, name: str) -> Graph:
        """The graph of a file beside the lesson, or of a preset."""

    def train(self, epochs: int, steps: int) -> None:
        """Train a number of epochs and steps; without either, to the end of the settings."""

    def reset(self) -> None:
        """Go back to the start of the run."""

    def put_numbers(
        self, parameter: str, places: tuple[int, ...], values: tuple[float, ...]
    ) -> None:
        """Change numbers of a parameter by hand."""

    def show(self, panel: str) -> None:
        """Bring a panel to the front."""

    def show_plane(self, kind: str) -> None:
        """Have the landscape show a kind of plane."""


@action
def set_(player: Player, name: str, value: str | float | bool) -> None:
    """Change a training setting. Example: set("lr", 0.03)"""

    def change(graph: Graph) -> None:
        now = graph.training
        kinds = {f: type(getattr(now, f)) for f in now.__struct_fields__}
        if kinds.get(name) not in (str, int, float, type(None)):
            listed = ", ".join(f for f, k in kinds.items() if k in (str, int, float, type(None)))
            raise LessonError(f"There is no setting {quote(name)} to be set; there are: {listed}.")
        fitted = float(value) if kinds[name] is float and not isinstance(value, str) else value
        settings = msgspec.structs.replace(now, **{name: _whole(fitted, kinds[name])})
        if name in ("optimizer", "schedule"):  # the options are those of the one before
            settings = msgspec.structs.replace(settings, **{f"{name}_options": {}})
        if name == "dataset":
            settings = msgspec.structs.replace(settings, dataset_options={})
        check_settings(settings)
        graph.set_training(settings)

    player.edit(change)


@action
def option(player: Player, name: str, value: str | float | bool) -> None:
    """Change an option of the data set. Example: option("noise", 0.3)"""
    _replace_in(player, "dataset_options", name, value)


@action
def optimizer_option(player: Player, name: str, value: float) -> None:
    """Change an option of the optimiser. Example: optimizer_option("momentum", 0.9)"""
    _replace_in(player, "optimizer_options", name, value)


@action
def augment(player: Player, name: str, strength: float) -> None:
    """Change training images at random by so much. Example: augment("shift", 2)"""
    _replace_in(player, "augmentation", name, strength)


@action
def open_(player: Player, name: str) -> None:
    """Take another graph: a preset, or a file beside the lesson. Example: open("circle")"""
    player.open_graph(player.lesson_graph(name))


@action
def run(player: Player, name: str) -> None:
    """Go on from recorded runs in a file beside the lesson. Example: run("trained.gradrun")"""
    if not name.endswith(".gradrun"):
        raise LessonError(f"run takes a file of recorded runs, *.gradrun, not {quote(name)}.")
    player.open_run(name)


@action
def add(player: Player, operator: str, after: str, name: str = "", **attributes: Any) -> None:
    """Put a node behind another, on all its edges. Example: add("Dropout", after="relu1", p=0.5)"""

    def change(graph: Graph) -> None:
        edges = graph.edges_from(after)
        node = graph.add(operator, name=name or None, **attributes)
        port = "x0" if ops.get(operator).variadic else ops.get(operator).inputs[0]
        for edge in edges:
            graph.disconnect(edge)
        output = edges[0].output if edges else graph.node(after).outputs[0]
        graph.connect_edge(Edge(after, output, node.name, port))
        for edge in edges:
            graph.connect_edge(Edge(node.name, node.outputs[0], edge.target, edge.input))

    player.edit(change)


@action
def remove(player: Player, node: str) -> None:
    """Take a node away; what fed it feeds what it fed. Example: remove("relu1")"""

    def change(graph: Graph) -> None:
        arriving = graph.edges_into(node)
        _, edges = graph.remove(node)
        for edge in edges:
            if edge.source == node and arriving:
                source = arriving[0]
                graph.connect_edge(Edge(source.source, source.output, edge.target, edge.input))

    player.edit(change)


@action
def swap(player: Player, node: str, operator: str, **attributes: Any) -> None:
    """Put another operator in a node's place, under its name. Example: swap("act", "ReLU")"""

    def change(graph: Graph) -> None:
        old = graph.node(node)
        into, out = graph.edges_into(node), graph.edges_from(node)
        graph.remove(node)
        new = graph.add(operator, name=node, **attributes)
        graph.update(new, position=old.position)
        for edge, port in zip(into, graph.data_inputs(new), strict=False):
            graph.connect_edge(Edge(edge.source, edge.output, node, port))
        for edge in out:
            output = edge.output if edge.output in new.outputs else new.outputs[0]
            graph.connect_edge(Edge(node, output, edge.target, edge.input))

    player.edit(change)


@action
def connect(player: Player, source: str, target: str, input: str = "") -> None:
    """Join a node's first output to an input. Example: connect("x", "add")"""
    player.edit(lambda graph: _connect(graph, source, target, input))


@action
def attribute(player: Player, node: str, name: str, value: str | float | bool | tuple) -> None:  # type: ignore[type-arg]
    """Change an attribute of a node. Example: attribute("hidden", "out_features", 8)"""
    player.edit(lambda graph: graph.set_attributes(node, **{name: _plain(value)}))


@action
def initializer(player: Player, parameter: str, text: str) -> None:
    """Choose how a parameter starts. Example: initializer("hidden.weight", "zeros")"""
    node, port = place_of(parameter)
    player.edit(lambda graph: graph.set_initializer(node, port, text))


@action
def freeze(player: Player, parameter: str, on: bool = True) -> None:
    """Keep a parameter out of training, or let it train again. Example: freeze("conv1.weight")"""
    node, port = place_of(parameter)
    player.edit(lambda graph: graph.set_frozen(node, port, on))


@action
def weight(player: Player, parameter: str, place: int, value: float) -> None:
    """Change one number of a parameter by hand. Example: weight("neuron.weight", 0, -3)"""
    player.put_numbers(parameter, (place,), (value,))


@action
def input_(player: Player, node: str, value: float | tuple) -> None:  # type: ignore[type-arg]
    """Change the value of an input. Example: input("a", 2) or input("x", [-1, 2])"""
    fitted = tuple(float(v) for v in value) if isinstance(value, tuple) else value
    player.edit(lambda graph: graph.set_attributes(node, value=fitted))


@action
def train(player: Player, epochs: int = 0, steps: int = 0) -> None:
    """Train for more epochs or steps; without either, to the last epoch or an early stop.

    Example: train(epochs=3)
    """
    if not 0 <= epochs <= MOST_EPOCHS or not 0 <= steps <= 1_000_000:
        raise LessonError(
            f"train takes up to {MOST_EPOCHS:,} epochs or a million steps, "
            f"not {epochs:,} and {steps:,}."
        )
    player.train(epochs, steps)


@action
def reset(player: Player) -> None:
    """Go back to the start: initial weights, step 0."""
    player.reset()


@action
def show(player: Player, panel: str) -> None:
    """Bring a panel to the front. Example: show("landscape")"""
    player.show(panel)


@action
def plane(player: Player, kind: str) -> None:
    """Have the landscape show a kind of plane. Example: plane("pca")"""
    player.show_plane(kind)


def place_of(parameter: str) -> tuple[str, str]:
    """Node and input of a parameter; a Parameter node is named by itself."""
    node, dot, port = parameter.rpartition(".")
    return (node, port) if dot else (parameter, "value")


def _replace_in(player: Player, field: str, name: str, value: Any) -> None:
    """Change one entry of a setting that is a table."""

    def change(graph: Graph) -> None:
        table = {**getattr(graph.training, field), name: _plain(value)}
        settings = msgspec.structs.replace(graph.training, **{field: table})
        check_settings(settings)
        graph.set_training(settings)

    player.edit(change)


def _connect(graph: Graph, source: str, target: str, input: str) -> None:
    taken = graph.edge_into(target, input) if input else None
    if taken is not None:
        graph.disconnect(taken)
    graph.connect(source, target, input=input or None)


def _plain(value: Any) -> Any:
    """A number of the language as an attribute takes it."""
    if isinstance(value, tuple):
        return tuple(_plain(v) for v in value)
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _whole(value: Any, kind: type) -> Any:
    if kind is int or (kind is type(None) and not isinstance(value, str)):
        if not math.isfinite(value):
            raise LessonError(f"{value} is no number that a setting takes.")
        return _plain(value)
    return value


def graph_of(name: str) -> Graph:
    """The graph of a preset; raises LessonError."""
    try:
        return presets.load(name)
    except GradscapeError as error:
        raise LessonError(str(error)) from None
