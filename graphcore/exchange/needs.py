"""What a net that came from elsewhere lacks to be trained: data, targets, a loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import msgspec

from graphcore import datasets
from graphcore.errors import GraphError
from graphcore.graph.binding import bind_forward, waiting
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.graph.training_settings import TrainingSettings

STAND_IN = "random"
"""The data set that has samples of any shape."""
MOST_AT_ONCE = 1 << 20
"""Numbers of a batch that stands in for data."""


@dataclass(frozen=True)
class Loss:
    """A loss for an answer of a graph.

    Attributes:
        operator: of the loss. source: name of the node that it reads.
        target: name of the node that it compares with; "" for a Target.
        classes: how many there are; 0 where the answer is numbers.
        fits: whether targets of the usual data sets have the answer's shape.
    """

    operator: str
    source: str
    target: str = ""
    classes: int = 0
    fits: bool = True

    def __str__(self) -> str:
        """The loss in a few words."""
        if self.classes:
            return f"{self.operator} over {self.classes:,} classes"
        return f"{self.operator} against {self.target} itself" if self.target else self.operator


def loss_for(graph: Graph, shapes: ShapeInference | None = None, numbers: bool = False) -> Loss:
    """Return the loss that fits the last answer of a graph, by its shape.

    Scores (N, C) are classified, numbers are compared, a result of the input's own
    shape is compared with the input.

    Args:
        shapes: of the graph, where they are known already.
        numbers: whether the targets are numbers and no classes.

    Raises:
        GraphError: no data go into the graph, or nothing comes of them.
    """
    if shapes is None:
        shapes = ShapeInference(graph)
        shapes.close()
    fed = waiting(graph)
    below = graph.descendants(fed)
    answers = [n for n in graph.topological_order() if n in below and not graph.edges_from(n)]
    if not answers:
        raise GraphError("Nothing comes of the data: connect the input first.")
    answer = graph.node(answers[-1])
    shape = shapes.shape(answer)
    if shape is not None and len(shape) == 2 and isinstance(shape[1], int):
        return _of_row(graph, answer, shape[1], numbers)
    own = tuple(graph.node(fed[0]).attributes["shape"])
    if shape is not None and tuple(shape[1:]) == own and len(own) > 1:
        return Loss("MSELoss", answer.name, fed[0])
    return Loss("MSELoss", answer.name, fits=False)


_AFTER = {"LogSoftmax": "NLLLoss", "Sigmoid": "BCELoss"}
"""What an answer has been through last, and the loss that takes it so."""


def _of_row(graph: Graph, answer: Node, width: int, numbers: bool) -> Loss:
    """A loss for an answer of shape (N, width)."""
    last = answer.operator
    if width == 1 or numbers:
        return Loss(_AFTER[last] if last == "Sigmoid" and not numbers else "MSELoss", answer.name)
    before = graph.edge_into(answer.name, "x")
    if last == "Softmax" and before is not None:  # the loss has one of its own
        return Loss("CrossEntropyLoss", before.source, classes=width)
    return Loss(_AFTER[last] if last == "LogSoftmax" else "CrossEntropyLoss", answer.name,
                classes=width)  # fmt: skip


def with_data(graph: Graph) -> Graph:
    """Return the graph with data of its input's shape, where it was given others.

    A data set of that shape and as many classes is taken, else samples of random numbers.
    """
    fed = bind_forward(graph).input
    if not fed or not graph.descendants([fed]):
        return graph
    shape = tuple(graph.node(fed).attributes["shape"])
    if not _fits(graph.training.dataset, shape, loss_for(graph)):
        graph.set_training(data_for(graph, shape))
    return graph


def _fits(name: str, shape: tuple[int, ...], loss: Loss) -> bool:
    """Whether a data set has samples of a shape, and the targets that a loss takes."""
    info = datasets.describe(name)
    if info.input_shape is None or math.prod(info.input_shape) != math.prod(shape):
        return False
    return not loss.fits or bool(loss.target) or (info.n_classes or 0) == loss.classes


def data_for(graph: Graph, shape: tuple[int, ...]) -> TrainingSettings:
    """Return a graph's settings with data for an input of a shape; raises GraphError."""
    loss = loss_for(graph)
    whole = graph.node(bind_forward(graph).input).attributes["dtype"] == "int"
    for name in () if whole else datasets.names():
        if datasets.describe(name).input_shape == shape and _fits(name, shape, loss):
            return msgspec.structs.replace(graph.training, dataset=name, dataset_options={})
    options: dict[str, Any] = {
        "shape": "x".join(map(str, shape)) or "1", "classes": loss.classes,
    }  # fmt: skip
    if whole:
        options["below"] = _smallest_table(graph)
    most = max(2, MOST_AT_ONCE // math.prod(shape))
    return msgspec.structs.replace(
        graph.training, dataset=STAND_IN, dataset_options=options,
        batch=min(graph.training.batch, most),
    )  # fmt: skip


def _smallest_table(graph: Graph) -> int:
    """Rows of the smallest embedding, at most 10: whole numbers below it fit everywhere."""
    rows, stack = [10], [graph]
    while stack:
        for node in stack.pop():
            if node.subgraph is not None:
                stack.append(node.subgraph)
            elif (count := node.attributes.get("num_embeddings")) is not None:
                rows.append(int(count))
    return max(1, min(rows))
