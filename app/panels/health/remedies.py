"""What usually helps a net that does not learn: one undoable step each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.document.document import Document
from graphcore.errors import GraphError

MATRICES = ("Linear", "Conv1d", "Conv2d", "ConvTranspose2d")
RESHAPING = ("Flatten", "Reshape", "Squeeze", "Dropout")
ACTIVATIONS = ("Sigmoid", "Tanh", "ReLU", "LeakyReLU", "ELU", "GELU", "SiLU")


@dataclass(frozen=True)
class Remedy:
    """One row.

    Attributes:
        label: what is done.
        apply: does it.
        restart: whether training has to start again from its initial weights.
    """

    label: str
    apply: Callable[[Document], None]
    restart: bool = False


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


def _answers(document: Document, loss: tuple[str, ...], answer: tuple[str, ...]) -> list[str]:
    """Nodes of certain kinds that such a loss reads, directly or in another shape."""
    graph, found = document.graph, []
    for judge in [n for n in graph if n.operator in loss]:
        edge = graph.edge_into(judge, "x")
        while edge is not None and graph.node(edge.source).operator in RESHAPING:
            edge = graph.edge_into(edge.source, "x")
        if edge is not None and graph.node(edge.source).operator in answer:
            found.append(edge.source)
    if not found:
        raise GraphError(f"No {loss[0]} reads a {answer[0]} directly: take it out by hand.")
    return found


def _feed_scores(document: Document) -> None:
    losses = ("CrossEntropyLoss", "BCEWithLogitsLoss")
    document.remove(_answers(document, losses, ("Softmax", "Sigmoid")), reconnect=True)


def _use_logits(document: Document) -> None:
    """Cross-entropy undoes the exponential of the sigmoid: Goodfellow et al., 2016, 6.2.2.2."""
    answers, graph = _answers(document, ("MSELoss",), ("Sigmoid",)), document.graph
    after = graph.descendants(answers)
    judges = [n.name for n in graph if n.operator == "MSELoss" and n.name in after]
    document.remove(answers, reconnect=True)
    document.change_operator(judges, "BCEWithLogitsLoss")


def _standardise(document: Document) -> None:
    settings = document.root.training
    document.set_training(msgspec.structs.replace(settings, normalization="standardize"))


def _decay(document: Document) -> None:
    document.set_training(msgspec.structs.replace(document.root.training, l2=0.001))


def _drop_out(document: Document) -> None:
    """Srivastava et al., JMLR 2014."""
    graph = document.graph
    for name in _hidden(document, *ACTIVATIONS):
        for edge in graph.edges_from(name)[:1]:
            document.insert_on_edge(edge, "Dropout")


REMEDIES: dict[str, Remedy] = {
    "relu": Remedy(_("Try ReLU with He's initialiser"), _use_relu, restart=True),
    "xavier": Remedy(_("Try Xavier's initialiser"), lambda d: _initialise(d, "xavier_normal"),
                     restart=True),
    "leaky": Remedy(_("Try LeakyReLU"), _use_leaky),
    "norm": Remedy(_("Insert batch norm"), _normalise, restart=True),
    "skip": Remedy(_("Add skip connections"), _skip, restart=True),
    "clip": Remedy(_("Clip the gradient at 1"), _clip),
    "again": Remedy(_("Start again with a tenth of the learning rate"),
                    lambda d: _scale_rate(d, 0.1), restart=True),
    "bare": Remedy(_("Give the loss the scores themselves"), _feed_scores, restart=True),
    "logits": Remedy(_("Use cross-entropy on the scores"), _use_logits, restart=True),
    "standardize": Remedy(_("Standardise the inputs"), _standardise, restart=True),
    "decay": Remedy(_("Start again with an L2 penalty of 0.001"), _decay, restart=True),
    "dropout": Remedy(_("Insert dropout"), _drop_out, restart=True),
    "slower": Remedy(_("Try a tenth of the learning rate"), lambda d: _scale_rate(d, 0.1)),
    "faster": Remedy(_("Try ten times the learning rate"), lambda d: _scale_rate(d, 10.0)),
}  # fmt: skip

FURTHER: dict[str, tuple[str, ...]] = {
    "relu": ("norm", "skip"), "xavier": ("norm",), "leaky": ("norm", "slower"),
    "clip": ("norm", "slower"), "slower": ("clip",), "faster": (),
    "again": ("clip", "norm"), "decay": ("dropout",),
}  # fmt: skip
"""What else usually helps where a remedy does."""
OPPOSITE: dict[str, frozenset[str]] = {"faster": frozenset(("slower", "again", "clip"))}
"""What is never offered beside a remedy, nor it beside them."""


def offers(remedies: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what to offer for each of these remedies, the most urgent first, none opposed.

    What is the usual remedy of one goes before what else helps another.
    """
    taken: list[str] = []
    rows: list[tuple[str, ...]] = [() for _ in remedies]
    for first in (True, False):
        for i, remedy in enumerate(remedies):
            for key in (remedy,) if first else FURTHER.get(remedy, ()):
                if key in REMEDIES and not any(_opposed(key, other) for other in taken):
                    taken.append(key)
                    rows[i] += (key,)
    return rows


def _opposed(one: str, other: str) -> bool:
    return other in OPPOSITE.get(one, ()) or one in OPPOSITE.get(other, ())
