"""The folder that ``train --out`` writes, and a net as the command line names it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from graphcore import files, presets
from graphcore.datasets.learned import FORMAT_VERSION, Learned
from graphcore.datasets.probe import Probe
from graphcore.engine.plan import Plan
from graphcore.errors import FileError
from graphcore.files import weights
from graphcore.graph.graph import Graph
from graphcore.system import reading

GRAPH, WEIGHTS, RESULT = "graph.graph.json", "weights.safetensors", "result.json"
DATA = "data.json"
"""What was learned about the data: ``datasets.learned.Learned``."""
PROBE = "probe.safetensors"
"""The batch of a script whose loop was watched."""
METRICS = "metrics.csv"
OWN_FILES = (GRAPH, WEIGHTS, RESULT, DATA, PROBE, METRICS, "report.html")
"""What a run writes into its folder under names of its own."""
LARGEST_DATA = 64 * reading.MIB


@dataclass(frozen=True)
class NamedNet:
    """A net and, if it comes from a run's folder, where its weights lie."""

    graph: Graph
    folder: Path | None

    def fill(self, plan: Plan) -> None:
        """Give a plan the weights of the run, if there was one; raises FileError."""
        if self.folder is not None:
            weights.read_weights(self.folder / WEIGHTS, plan)


def named_net(name: str | Path) -> NamedNet:
    """The net of a graph file, a preset or a run's folder; raises FileError, GraphError."""
    folder = Path(name)
    if os.path.isdir(folder):
        return NamedNet(files.load(folder / GRAPH), folder)
    return NamedNet(presets.resolve(str(name)), None)


def write_net(folder: Path, graph: Graph, plan: Plan) -> None:
    """Write a net and its weights into a folder that is there; raises FileError."""
    files.save(graph, folder / GRAPH)
    weights.write_weights(folder / WEIGHTS, plan)


def write_data(folder: Path, known: Learned) -> None:
    """Write what was learned about the data; raises FileError."""
    text = msgspec.json.format(msgspec.json.encode(known))
    files.write_atomically(folder / DATA, text + b"\n")


def read_data(folder: Path, name: str = DATA) -> Learned | None:
    """Return what was learned about the data; None where an older version kept nothing of it.

    Raises:
        FileError: it is damaged, or of another version.
    """
    path = folder / name
    if not os.path.exists(path):
        return None
    try:
        known = msgspec.json.decode(reading.read_bytes(path, LARGEST_DATA), type=Learned)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FileError(f"{path} is damaged: {str(error).rstrip('.')}.") from None
    if known.format_version != FORMAT_VERSION:
        raise FileError(
            f"{path} was written by another version of Gradscape: its format is "
            f"{known.format_version}, this one reads {FORMAT_VERSION}."
        )
    return known


def write_probe(folder: Path, probe: Probe) -> None:
    """Write the batch that a net is looked at on; raises FileError."""
    files.write_atomically(folder / PROBE, probe.to_bytes())


def read_probe(folder: Path | None) -> Probe | None:
    """Return the batch that lies in a folder, None without one; raises FileError, DataError."""
    if folder is None or not os.path.exists(folder / PROBE):
        return None
    return Probe.of_bytes(reading.read_bytes(folder / PROBE, LARGEST_DATA))


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write what a run came to; raises FileError."""
    files.write_atomically(folder / RESULT, json.dumps(result, indent=2).encode() + b"\n")
