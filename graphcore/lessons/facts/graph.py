"""Facts of the graph and of what the window shows: they need no numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

from graphcore import ops
from graphcore.errors import GradscapeError, LessonError
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.lessons.actions import place_of
from graphcore.lessons.functions import fact
from graphcore.lessons.language import Value
from graphcore.lessons.state import State


@fact
def has(state: State, operator: str, after: str = "", before: str = "") -> float:
    """How many nodes of an operator there are: 0 counts as no.

    With ``after`` or ``before``, only those that come somewhere behind or before that node.
    Example: has("Dropout", after="relu1")
    """
    _operator(operator)
    graph = state.graph
    names = {n.name for n in graph}
    if after:
        names &= graph.descendants([state.node(after).name])
    if before:
        names &= graph.ancestors([state.node(before).name])
    tops = [graph.node(name) for name in names]
    return float(sum(n.operator == operator for top in tops for n in _inside(top)))


@fact
def connected(state: State, source: str, target: str) -> bool:
    """Whether an edge leads from one node straight to another."""
    state.node(source)
    return any(e.source == source for e in state.graph.edges_into(state.node(target)))


@fact
def attribute(state: State, node: str, name: str) -> Value:
    """An attribute of a node: a number, a text, or True or False.

    A list is given as text. Example: attribute("conv1", "stride") == 2
    """
    attributes = state.node(node).attributes
    if name not in attributes:
        listed = ", ".join(attributes) or "none"
        raise LessonError(f"{node} has no attribute {name!r}; it has: {listed}.")
    return as_value(attributes[name])


@fact
def operator(state: State, node: str) -> str:
    """The name of a node's operator.

    Example: operator("act") == "ReLU"
    """
    return str(state.node(node).operator)


@fact
def setting(state: State, name: str) -> Value:
    """A training setting of the graph, such as "optimizer", "lr", "batch", "epochs" or "seed".

    Example: setting("optimizer") == "Adam"
    """
    training = state.graph.training
    if name not in training.__struct_fields__:
        listed = ", ".join(training.__struct_fields__)
        raise LessonError(f"There is no setting {name!r}; there are: {listed}.")
    return as_value(getattr(training, name))


@fact
def option(state: State, name: str) -> Value:
    """An option of the data set as the graph sets it; 0 where it is left at its default."""
    return as_value(state.graph.training.dataset_options.get(name, 0.0))


@fact
def augmentation(state: State, name: str) -> float:
    """Strength of an augmentation of the training images; 0 where it is off."""
    return float(state.graph.training.augmentation.get(name, 0.0))


@fact
def initializer(state: State, parameter: str) -> str:
    """How a parameter starts, as text; "" where the operator's own choice holds.

    Example: initializer("hidden.weight") == "zeros"
    """
    node, port = place_of(parameter)
    return str(state.node(node).initializers.get(port, ""))


@fact
def frozen(state: State, parameter: str) -> bool:
    """Whether a parameter is kept out of training."""
    node, port = place_of(parameter)
    return port in state.node(node).frozen


@fact
def size(state: State, node: str, axis: int = -1) -> float:
    """The length of one axis of a node's output, behind the batch axis; -1 is the last.

    Example: size("conv1", 1) == 14
    """
    shape = _shape(state, node)
    if not -len(shape) <= axis < len(shape):
        raise LessonError(f"{node} has {len(shape)} axes behind the batch; {axis} is none of them.")
    length = shape[axis]
    if not isinstance(length, int):
        raise LessonError(f"The size of {node} is not known yet.")
    return float(length)


@fact
def parameters(state: State, node: str = "") -> float:
    """How many numbers are learned, in the whole net or in one node."""
    layout = state.plan.layout
    found = [p for p in layout if not node or p.node == node or p.node.startswith(f"{node}/")]
    if node:
        state.node(node)
    return float(sum(math.prod(p.shape) for p in found))


@fact
def receptive_field(state: State, node: str) -> float:
    """Side of the square of input pixels that one output of a node depends on.

    Every convolution or pooling on the way adds (kernel - 1) steps, each as long as the product of
    the strides before it. Example: receptive_field("pool2") == 16
    """
    state.node(node)
    above = {node} | state.graph.ancestors([node])
    field, step = 1, 1
    for name in state.graph.topological_order():
        found = state.graph.node(name).attributes
        if name in above and "kernel_size" in found:
            kernel = _first(found["kernel_size"])
            field += (kernel - 1) * _first(found.get("dilation") or 1) * step
            step *= _first(found.get("stride") or kernel)
    return float(field)


@fact
def panel(state: State, name: str) -> bool:
    """Whether a panel can be seen.

    Example: panel("landscape")
    """
    return name in state.shown


@fact
def plane(state: State) -> str:
    """Kind of the plane that the landscape shows: "random", "pca", "weights" or "towards"."""
    return state.plane


@fact
def dataset(state: State) -> str:
    """Name of the data set that the graph is trained on."""
    return state.graph.training.dataset


@fact
def problems(state: State, kind: Literal["shapes"] = "shapes") -> float:
    """How many nodes have a problem with their shapes."""
    return float(len(ShapeInference(state.graph).problems))


def as_value(found: Any) -> Value:
    """A setting or attribute as a value of the language: lists as text, None as 0."""
    if found is None:
        return 0.0
    if isinstance(found, bool | str):
        return found
    if isinstance(found, int | float):
        return float(found)
    if isinstance(found, tuple | list):
        return ", ".join(str(f) for f in found)
    return str(found)


def _operator(name: str) -> None:
    try:
        ops.get(name)
    except GradscapeError as error:
        raise LessonError(str(error)) from None


def _inside(node: Node) -> Iterator[Node]:
    """A node and every node inside it."""
    waiting: list[Node] = [node]
    while waiting:
        found = waiting.pop()
        yield found
        graph: Graph | None = found.subgraph
        waiting += graph.nodes if graph is not None else ()


def _shape(state: State, node: str) -> tuple[Any, ...]:
    state.node(node)
    shape = ShapeInference(state.graph).shape(node)
    if shape is None:
        raise LessonError(f"The shape of {node} is not known yet.")
    batch = bool(shape) and not isinstance(shape[0], int)
    return tuple(shape[1:] if batch else shape)


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, tuple | list) else value)
