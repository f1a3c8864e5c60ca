"""A small net that fits a data set, to begin with."""

from __future__ import annotations

import msgspec

from graphcore.graph.drawing.layers import layout
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import TrainingSettings

_UNITS = 16


def net_for(input_shape: tuple[int, ...], classes: int, training: TrainingSettings) -> Graph:
    """Return a net of one hidden layer, or of one convolution for images, with its loss.

    Args:
        classes: how many the data have; 0 where the answer is a number.
        training: settings that name the data; the rate and the number of epochs are set anew.
    """
    outputs = classes or 1
    if len(input_shape) == 3 and min(input_shape[1:]) >= 8:
        shape = " ".join(map(str, input_shape))
        text = f"input {shape} | conv 8 5 | relu | pool 2 | flatten | {outputs}"
    elif len(input_shape) == 1:
        text = f"{input_shape[0]}-{_UNITS}-relu-{outputs}"
    else:
        shape = " ".join(map(str, input_shape or (1,)))
        text = f"input {shape} | flatten | {_UNITS} | relu | {outputs}"
    graph = parse_layers(text)
    if not classes:
        answer = graph.edges_into("loss")[0].source
        graph.remove("loss")
        loss = graph.add("MSELoss", name="loss")
        graph.connect(answer, loss, input="x")
        graph.connect("target", loss, input="target")
        for name, position in layout(graph).items():
            graph.update(name, position=position)
    graph.set_training(msgspec.structs.replace(training, lr=0.01, batch=16, epochs=50))
    return graph
