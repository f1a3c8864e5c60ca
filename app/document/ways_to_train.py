"""What an unfinished graph lacks to be trained, each as one undoable edit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from app.document.document import Document
from graphcore import datasets
from graphcore.errors import GraphError
from graphcore.exchange.needs import Loss, loss_for, with_data
from graphcore.graph.binding import results, takes_data, waiting
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import Objective

Way = tuple[str, Callable[[], None]]
"""What is done, and what does it."""
MOST = 3
BESIDE, BELOW = 220.0, 140.0
"""How far a node is put from the one that it belongs to."""


def _(text: str) -> str:
    return str(QT_TRANSLATE_NOOP("Ways", text))


def ways_to_train(document: Document) -> list[Way]:
    """Return the edits of a graph's top level that bring it nearer to training, the best first."""
    graph = document.root
    found = _with_data(graph) if takes_data(graph) else _without_data(graph)
    return [
        (
            QCoreApplication.translate("Ways", text).format(name),
            partial(_make, document, text, edit),
        )
        for text, name, edit in found[:MOST]
    ]


Edit = Callable[[Document], object]


def _make(document: Document, text: str, edit: Edit) -> None:
    document.leave(0)
    with document.macro(QCoreApplication.translate("Ways", text).format("").strip()):
        edit(document)


def _with_data(graph: Graph) -> list[tuple[str, str, Edit]]:
    losses = [n for n in graph if n.op.category == "loss"]
    judged = [n for n in losses if graph.edge_into(n, "target")]
    if not waiting(graph):
        return [(_("Add an input for the data"), "", _add_input)]
    if not losses:
        return [(_("Add a loss"), "", _add_loss)]
    if not judged:
        return [(_("Add a target to {0}"), losses[0].name, partial(_add_target, losses[0].name))]
    ends = [n for n in results(graph) if graph.node(n).op.category == "loss"]
    return _choices(ends) if len(ends) > 1 else []


def _without_data(graph: Graph) -> list[tuple[str, str, Edit]]:
    ends = results(graph)
    own = [n for n in graph if n.operator == "Input"]
    if own and not any(n.operator == "Parameter" for n in graph):
        found: list[tuple[str, str, Edit]] = [
            (_("Descend: make the inputs parameters"), "", partial(_free, own))
        ]
        if len(own) == 1:
            found.append((_("Feed {0} from a data set"), own[0].name, partial(_feed, own[0].name)))
        return found
    return _choices(ends) if len(ends) > 1 else []


def _choices(ends: list[str]) -> list[tuple[str, str, Edit]]:
    return [(_("Make {0} small"), name, partial(_choose, name)) for name in ends]


def _choose(name: str, document: Document) -> None:
    objectives = (Objective(loss=name),)
    training = document.root.training
    document.set_training(msgspec.structs.replace(training, objectives=objectives))


def _beside(node: Node, x: float, y: float) -> tuple[float, float]:
    left, top = node.position or (0.0, 0.0)
    return left + x, top + y


def _add_input(document: Document) -> None:
    """An input in front of the first node that lacks one."""
    problems = document.shapes.problems
    lacking = [n for n in document.graph if n.name in problems and problems[n.name].kind == "open"]
    place = _beside(lacking[0], -BESIDE, 0.0) if lacking else (0.0, 0.0)
    name = document.add_node("Input", place)
    if lacking:
        document.connect_nodes(name, lacking[0].name)


def needed_loss(document: Document) -> Loss | None:
    """Return the loss that an unfinished graph needs; None where it has one, or cannot have one."""
    graph = document.root
    if not waiting(graph) or any(n.op.category == "loss" for n in graph):
        return None
    try:
        return loss_for(graph, document.levels[0].shapes, _is_regression(document))
    except GraphError:
        return None


def add_needed(document: Document) -> None:
    """Add the loss, its targets and data that fit, as one step; raises GradscapeError."""
    document.leave(0)
    with document.macro(QCoreApplication.translate("Ways", "Add what training needs")):
        settings = with_data(document.root.copy()).training
        if settings != document.root.training:
            document.set_training(settings, QCoreApplication.translate("Ways", "Choose data"))
        _add_loss(document)


def _is_regression(document: Document) -> bool:
    return datasets.describe(document.root.training.dataset).task == "regression"


def _add_loss(document: Document) -> None:
    """A loss that compares the last result with the targets of the data."""
    found = loss_for(document.graph, document.shapes, _is_regression(document))
    answer = document.graph.node(found.source)
    loss = document.add_node(found.operator, _beside(answer, BESIDE, 0.0))
    document.connect_nodes(answer.name, loss, input="x")
    if found.target:
        document.connect_nodes(found.target, loss, input="target")
    else:
        _add_target(loss, document)


def _add_target(loss: str, document: Document) -> None:
    targets = [n.name for n in document.graph if n.operator == "Target"]
    place = _beside(document.graph.node(loss), -BESIDE, BELOW)
    target = targets[0] if targets else document.add_node("Target", place)
    document.connect_nodes(target, loss, input="target")


def _free(inputs: list[Node], document: Document) -> None:
    """Let training change what the inputs hold."""
    names = document.change_operator([n.name for n in inputs], "Parameter")
    for name, node in zip(names, inputs, strict=True):
        document.set_initializer(name, "value", f"values({node.attributes['value']!r})")


def _feed(name: str, document: Document) -> None:
    document.set_attributes(name, value=None)
