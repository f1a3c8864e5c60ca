"""A net's answers to raw data, by the names of the classes."""

from __future__ import annotations

from typing import Any

from graphcore.datasets.raw import read_raw
from graphcore.errors import GraphError
from graphcore.graph.runnable import runnable_part
from graphcore.scripting.batches import values_of
from graphcore.scripting.net import net_of
from graphcore.training.answers import Answer, answers_of


def predict(run_or_graph: Any, raw: Any) -> list[Answer]:
    """Answer raw samples with what was learned, data preparation included.

        gc.predict("run", "flowers.csv")[0].answer
        gc.predict("run", {"petal length": 1.4, "colour": "red"})
        gc.predict(trainer, "digit.png")

    Args:
        run_or_graph: a Trainer, the folder of a run, saved runs (.gradrun), a graph file with
            weights beside it, a preset's name, a Graph, or an imported net.
        raw: the path of a table, a picture, a folder of pictures or a .npy file; a row as a
            dictionary or a list of rows; a picture of Pillow's; numbers of one sample or of
            several as an array, before normalisation.

    Returns:
        One Answer per sample, in their order.

    Raises:
        FileError: the net cannot be read. DataError: the samples cannot, or do not fit the net.
    """
    net = net_of(run_or_graph)
    known = net.known_data()
    samples = read_raw(raw, known)
    binding = net.binding
    part = runnable_part(net.graph)
    if binding.output not in part and "/" not in binding.output:
        raise GraphError(f"{binding.output} has no value without a target: there is no answer.")
    scores = values_of(net, part, {binding.input: samples.inputs}, binding.output)
    return answers_of(scores, known, binding, samples.names)
