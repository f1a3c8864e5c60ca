"""A net or formula typed as text, with the loss and the data that fit it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from graphcore import datasets
from graphcore.datasets import DatasetInfo
from graphcore.errors import DataError, GradscapeError
from graphcore.graph.expression import parse_expression
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers, quickly
from graphcore.graph.training_settings import TrainingSettings


def typed_graph(text: str, training: TrainingSettings) -> Graph | None:
    """Return the graph that a list of layers or a formula stands for; None if it is neither.

    Args:
        training: the settings of the graph that it goes into. Where their data fit the input,
            they decide the loss; else data that fit are proposed in the result's settings. A net
            for pictures that no data fit has no loss.
    """
    text = text.strip()
    if not any(c in text for c in "=|-*+/") or len(text) < 3:
        return None
    for parse in (_typed_net, lambda text, _: parse_expression(text)):
        try:
            return parse(text, training)
        except GradscapeError:
            continue
    return None


def _typed_net(text: str, training: TrainingSettings) -> Graph:
    graph = parse_layers(text)
    shape = graph.node("x").attributes["shape"]
    known = list(_described([training.dataset]))
    if known and known[0].input_shape in (shape, None):
        info = known[0]
        if info.task is not None:
            graph = parse_layers(text, numbers=info.task == "regression")
        graph.set_training(training)
        return graph
    numbers = graph.node("loss").op.answers == "number"
    outputs = graph.node(graph.edges_into("loss")[0].source).attributes.get("out_features")
    for info in _described(datasets.names()):
        fits = info.input_shape == shape and (info.task == "regression") == numbers
        if fits and (numbers or info.n_classes in (max(2, outputs or 0), None)):
            found = msgspec.structs.replace(training, dataset=info.name, dataset_options={})
            graph.set_training(found if len(shape) > 1 else quickly(found))
            return graph
    if len(shape) > 1:  # without its loss a picture's net runs on numbers that are typed
        graph.remove("loss")
        graph.remove("target")
    return graph


def _described(names: Iterable[str]) -> Iterable[DatasetInfo]:
    for name in names:
        try:
            yield datasets.describe(name)
        except DataError:
            continue
