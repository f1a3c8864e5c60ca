"""Writing a graph with the weights of this moment as a script for Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.errors import ExportError
from graphcore.files.keras.script import KerasExport, export
from graphcore.files.torch import export as torch_export
from graphcore.files.torch.raw import RawPart
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.training.trainer import Trainer

SCRIPT_DIGEST = "gradscape keras script sha256"
"""Key of the digest in the weights' metadata."""


def of_run(trainer: Trainer, name: str) -> KerasExport:
    """Return a net with the weights it has now as a script; raises ExportError."""
    binding = trainer.binding
    raw = RawPart(trainer) if binding.input and len(trainer.data.test) else None
    x, t = trainer.tensors(trainer.data.test, torch_export.SAMPLES)
    plan = trainer.looking_plan()
    plan.forward(binding.feeds(x, t))
    return export(trainer.graph, plan, name=name, answer=binding.output, raw=raw)


def of_calculation(graph: Graph, weights: Plan, name: str) -> KerasExport:
    """Return a graph whose inputs have their own values as a script; raises ExportError.

    Keras feeds batches: every input becomes one of samples.
    """
    batched, feeds = graph.copy(), {}
    for node in graph:
        if node.operator == "Input":
            feeds[node.name] = _fed(node)
            batched.set_attributes(node.name, batch=True, value=None)
        elif node.op.category == "loss":
            batched.remove(node.name)
    if ShapeInference(batched).problems:
        raise ExportError(f"{name}: its numbers cannot be fed as a batch; nothing was written.")
    plan = compile(batched, mode="inspect")
    plan.copy_state(weights)
    plan.forward(feeds)
    return export(batched, plan, name=name)


def _fed(node: Node) -> np.ndarray[Any, Any]:
    """Two samples for an input: its own value, or waves where it has none."""
    a = node.attributes
    shape = (2, *a["shape"])
    places = np.arange(int(np.prod(shape))).reshape(shape)
    if a["value"] is not None:
        return np.broadcast_to(np.asarray(a["value"], np.float32), shape).copy()
    return (places + 1) % 2 if a["dtype"] == "int" else np.sin(0.37 * places).astype(np.float32)


def write(made: KerasExport, folder: Path, name: str) -> Path:
    """Write the script and its two files; returns the script's path. Raises FileError."""
    metadata = {"predictions": made.predictions} if made.predictions else None
    return torch_export.write_files(
        folder, name, made.script, SCRIPT_DIGEST,
        lambda noted: safetensors.numpy.save(made.weights, noted),
        safetensors.numpy.save(made.self_test, metadata),
    )  # fmt: skip


def foreign_file(folder: Path, name: str) -> Path | None:
    """Return a file that ``write`` would replace and did not write itself, or None."""
    return torch_export.foreign_file(folder, name, SCRIPT_DIGEST)
