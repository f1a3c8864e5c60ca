"""The values of one node over a whole data set, as one array."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.datasets import Dataset, Split
from graphcore.errors import DataError, GraphError
from graphcore.graph.runnable import runnable_part
from graphcore.scripting.batches import values_of
from graphcore.scripting.net import net_of


def activations(graph_or_run: Any, data: Any, node: Any) -> np.ndarray:
    """Compute the value of a node for every sample, in batches, in evaluation mode.

        data = gc.load_dataset("mnist")
        hidden = gc.activations("run", data.test, "fc1")     # float32, shape (10000, 84)

    Args:
        graph_or_run: as ``predict`` takes it.
        data: a Dataset (its training samples, then its test samples), one of its splits, or an
            array (n, *shape) of samples as the net is fed them.
        node: a node or its name, "composite/node" inside a composite.

    Returns:
        Shape (n, *value of one sample), row i of sample i.

    Raises:
        GraphError: there is no such node, it needs a target, or has no value for each sample.
        DataError: the samples do not fit the net's input.
    """
    net, name = net_of(graph_or_run), node if isinstance(node, str) else node.name
    part = runnable_part(net.graph)
    net.graph.at(name)
    if name.split("/")[0] not in part:
        raise GraphError(f"{name} depends on the target: choose a node before the loss.")
    inputs, shape = _inputs(data), net.input_shape
    if not len(inputs) or inputs[0].size != int(np.prod(shape)):
        raise DataError(f"The net takes samples of shape {shape}; given are {inputs.shape}.")
    return values_of(net, part, {net.binding.input: inputs}, name)


def _inputs(data: Any) -> np.ndarray:
    if isinstance(data, Dataset):
        return np.concatenate([data.train.inputs, data.test.inputs])
    if isinstance(data, Split):
        return data.inputs
    try:
        return np.asarray(data.detach().cpu() if hasattr(data, "detach") else data)
    except (TypeError, ValueError) as error:
        raise DataError(f"The samples are no array: {error}.") from None
