"""Writing a graph with the weights of this moment as a PyTorch script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphcore.binding import learns
from graphcore.compiler import compile
from graphcore.files.atomic import make_folder, write_atomically
from graphcore.files.torch_script import TorchExport, export
from graphcore.graph import Graph
from graphcore.ops.torch_code import module_name
from graphcore.plan import Plan
from graphcore.training import Trainer

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["calculation", "is_calculation", "module_name", "of_calculation", "of_run", "write"]

SAMPLES = 16
"""So many samples of the test split are in the self-test."""


def of_run(trainer: Trainer, name: str) -> TorchExport:
    """A net with the weights it has now; raises ExportError."""
    x, t = trainer.tensors(trainer.data.test, SAMPLES)
    plan, binding = trainer.looking_plan(), trainer.binding
    return export(trainer.graph, plan, binding.feeds(x, t), name=name, answer=binding.output)


def of_calculation(graph: Graph, plan: Plan, name: str) -> TorchExport:
    """A graph whose inputs have their own values; raises ExportError, FeedError."""
    return export(graph, plan, {}, name=name)


def write(made: TorchExport, folder: Path, name: str) -> Path:
    """Write the script and its two files; returns the script's path. Raises FileError."""
    from safetensors.torch import save

    make_folder(folder)
    write_atomically(folder / f"{name}.safetensors", save(_apart(made.weights)))
    write_atomically(folder / f"{name}.selftest.safetensors", save(_apart(made.self_test)))
    path = folder / f"{name}.py"
    write_atomically(path, made.script.encode())
    return path


def _apart(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Copies that share no memory, as the file wants them."""
    return {k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}


def calculation(graph: Graph) -> Plan:
    """A plan of a graph that has nothing to learn; raises ShapeError."""
    return compile(graph, dtype="float64", mode="inspect", seed=graph.training.seed)


def is_calculation(graph: Graph) -> bool:
    """Whether the inputs' own values run through the graph, and no data."""
    return not learns(graph)
