"""What usually helps a net that does not learn: one undoable step each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.document import Document
from graphcore.errors import GraphError

MATRICES = ("Linear", "Conv1d", "Conv2d", "ConvTranspose2d")
ACTIVATIONS = ("Sigmoid", "Tanh", "ReLU", "LeakyReLU", "ELU", "GELU", "SiLU")


@dataclass(frozen=True)
class Remedy:
    """One row.

    Attributes:
        label: what is done.
        apply: does it.
        anew: whether training has to start again from its initial weights.
    """

    label: str
    apply: Callable[[Document], None]
    anew: bool = False


def _(text: str) -> str:
    return str(QT_TRANSLATE_NOOP("Remedies", text))


def _hidden(document: Document, *operators: str) -> list[str]:
    """Activations that feed further weights: the last one before the loss stays as it is."""
    graph = document.graph
    weighty = {n.name for n in graph if n.operator in MATRICES}
    return [
        n.name for n in graph
        if n.operator in operators and graph.descendants([n.name]) & weighty
    ]  # fmt: skip


def _initialise(document: Document, initializer: str) -> None:
    for node in document.graph.nodes:
        if node.operator in MATRICES:
            document.set_initializer(node.name, "weight", initializer)


def _use_relu(document: Document) -> None:
    document.change_operator(_hidden(document, "Sigmoid", "Tanh"), "ReLU")
    _initialise(document, "kaiming_normal")


def _use_leaky(document: Document) -> None:
    document.change_operator([n.name for n in document.graph if n.operator == "ReLU"], "LeakyReLU")


def _scale_rate(document: Document, factor: float) -> None:
    settings = document.root.training
    document.set_training(msgspec.structs.replace(settings, lr=settings.lr * factor))


def _normalise(document: Document) -> None:
    """Batch norm between weights and activation: Ioffe and Szegedy, ICML 2015."""
    graph = document.graph
    for name in _hidden(document, *ACTIVATIONS):
        edge = graph.edge_into(name, "x")
        if edge is None or graph.node(edge.source).operator not in MATRICES:
            continue
        shape = document.shapes.shape(edge.source)
        norm = "BatchNorm2d" if shape is not None and len(shape) == 4 else "BatchNorm1d"
        document.insert_on_edge(edge, norm)


def _skip(document: Document) -> None:
    """Add what goes into weights to what comes out of their activation: He et al., CVPR 2016."""
    graph, shapes = document.graph, document.shapes
    fitting = []
    for name in _hidden(document, *ACTIVATIONS):
        edge = graph.edge_into(name, "x")
        start = graph.edge_into(edge.source, "x") if edge is not None else None
        if edge is None or start is None or graph.node(edge.source).operator not in MATRICES:
            continue
        if len(graph.edges_from(name)) == 1 and shapes.shape(start.source) == shapes.shape(name):
            fitting.append((edge.source, name))
    if not fitting:
        raise GraphError("No layer hands on as many numbers as it takes: nothing can be skipped.")
    for weights, name in fitting:
        start = graph.edge_into(weights, "x")
        assert start is not None
        added = document.insert_on_edge(graph.edges_from(name)[0], "Add")
        document.connect_nodes(start.source, added, input="b", output=start.output)


def _clip(document: Document) -> None:
    document.set_training(msgspec.structs.replace(document.root.training, clip_norm=1.0))


REMEDIES: dict[str, Remedy] = {
    "relu": Remedy(_("Try ReLU with He's initialiser"), _use_relu, anew=True),
    "xavier": Remedy(_("Try Xavier's initialiser"), lambda d: _initialise(d, "xavier_normal"),
                     anew=True),
    "leaky": Remedy(_("Try LeakyReLU"), _use_leaky),
    "norm": Remedy(_("Insert batch norm"), _normalise, anew=True),
    "skip": Remedy(_("Add skip connections"), _skip, anew=True),
    "clip": Remedy(_("Clip the gradient at 1"), _clip),
    "again": Remedy(_("Start again with a tenth of the learning rate"),
                    lambda d: _scale_rate(d, 0.1), anew=True),
    "slower": Remedy(_("Try a tenth of the learning rate"), lambda d: _scale_rate(d, 0.1)),
    "faster": Remedy(_("Try ten times the learning rate"), lambda d: _scale_rate(d, 10.0)),
}  # fmt: skip

FURTHER: dict[str, tuple[str, ...]] = {
    "relu": ("norm", "skip"), "xavier": ("norm",), "leaky": ("norm", "slower"),
    "clip": ("norm", "slower"), "slower": ("clip",), "faster": (),
    "again": ("clip", "norm"),
}  # fmt: skip
"""What else usually helps where a remedy does."""
