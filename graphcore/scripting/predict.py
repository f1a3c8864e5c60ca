"""A net's answers to raw data, by the names of the classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from graphcore.datasets.learned import Learned
from graphcore.datasets.raw import read_names, read_raw
from graphcore.errors import DataError, GraphError
from graphcore.graph.runnable import runnable_part
from graphcore.scripting.batches import values_of
from graphcore.scripting.net import net_of
from graphcore.training.answers import Answer, answers_of


def predict(
    run_or_graph: Any, raw: Any, *, weights: str | os.PathLike[str] | None = None,
    classes: Sequence[str] | str | os.PathLike[str] | None = None,
) -> list[Answer]:  # fmt: skip
    """Answer raw samples with what was learned, data preparation included.

        gc.predict("run", "flowers.csv")[0].answer
        gc.predict("run", {"petal length": 1.4, "colour": "red"})
        gc.predict(trainer, "digit.png")
        gc.predict("resnet50", "cat.jpg", weights="resnet50.pth", classes="names.txt")[0].top(5)

    Args:
        run_or_graph: a Trainer, the folder of a run, saved runs (.gradrun), a graph file with
            weights beside it, a preset's name, a Graph, or an imported net.
        raw: the path of a table, a picture, a folder of pictures or a .npy file; a row as a
            dictionary or a list of rows; a picture of Pillow's; numbers of one sample or of
            several as an array, before normalisation.
        weights: a state dict (.safetensors, .pth) that the net takes, by names and shapes.
        classes: names of the classes in their order, or a file of them: one on each line, or a
            list in JSON.

    Returns:
        One Answer per sample, in their order.

    Raises:
        FileError: the net or its weights cannot be read. DataError: the samples or names cannot,
            or do not fit the net.
    """
    net = net_of(run_or_graph)
    if weights is not None:
        net = net.with_weights(Path(weights))
    known = net.known_data()
    samples = read_raw(raw, known)
    binding = net.binding
    part = runnable_part(net.graph)
    if binding.output not in part and "/" not in binding.output:
        raise GraphError(f"{binding.output} has no value without a target: there is no answer.")
    scores = values_of(net, part, {binding.input: samples.inputs}, binding.output)
    if classes is not None:
        known = _named(known, classes, scores.shape[1] if scores.ndim == 2 else 0)
    return answers_of(scores, known, binding, samples.names)


def _named(known: Learned, classes: Sequence[str] | str | os.PathLike[str], count: int) -> Learned:
    """Give the classes other names; raises DataError unless there is one for each."""
    names = read_names(classes) if isinstance(classes, str | os.PathLike) else tuple(classes)
    if len(names) != count:
        raise DataError(f"There are {len(names):,} names; the net tells {count:,} classes apart.")
    return msgspec.structs.replace(known, classes=names)
