"""A graph as a file for another program carries it, beside what that program runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from graphcore.errors import GradscapeError
from graphcore.files.graph_file import dumps, loads
from graphcore.graph.flatten import FlatNode, Port
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings

KEY = "gradscape.graph"
"""Name of what is carried, in the metadata of an ONNX file and beside the program of a .pt2."""
LARGEST = 1 << 24
"""Bytes of it that are read."""


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    graph: str
    outputs: tuple[str, ...]
    tensors: dict[str, str] = {}


class Embedded(msgspec.Struct, frozen=True):
    """What a file carries.

    Attributes:
        graph: the part that answers.
        outputs: its nodes whose values are the net's results, in their order.
        tensors: name of a parameter or running statistic -> its name in the file, where that is
            another.
    """

    graph: Graph
    outputs: tuple[str, ...]
    tensors: dict[str, str]


def embedded(
    graph: Graph, nodes: Sequence[FlatNode], outputs: Sequence[Port],
    tensors: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Return the part of a graph that answers, as text; no data, training or notes.

    Args:
        nodes: that belong to that part. outputs: its results.
        tensors: name of a parameter or running statistic -> its name in the file.
    """
    part, used = graph.copy(), {n.name.partition("/")[0] for n in nodes}
    for node in graph:
        if node.name not in used:
            part.remove(node.name)
    part.set_training(TrainingSettings())
    stack = [part]
    while stack:
        inner = stack.pop()
        inner.frames, inner.notes = {}, {}
        for node in inner:
            node.frame, node.initializers = "", {}  # its weights are those of the file
            if node.subgraph is not None:
                stack.append(node.subgraph)
    record = _Record(dumps(part).decode(), tuple(p[0] for p in outputs), dict(tensors or {}))
    return msgspec.json.encode(record).decode()


def read_embedded(data: bytes | str) -> Embedded | None:
    """Return what a file carries, or None where it is too large or not written as here."""
    if len(data) > LARGEST:
        return None
    try:
        record = msgspec.json.decode(data, type=_Record)
        return Embedded(loads(record.graph.encode()), record.outputs, record.tensors)
    except (msgspec.DecodeError, GradscapeError, RecursionError, UnicodeError):
        return None
