"""Writing a graph with the weights of this moment as a PyTorch script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.files.atomic import make_folder, write_atomically
from graphcore.files.exported import LARGEST, digest_of, foreign_among
from graphcore.files.torch.raw import RawPart
from graphcore.files.torch.script import TorchExport, export
from graphcore.graph.binding import learns
from graphcore.graph.graph import Graph
from graphcore.ops.torch_code import module_name
from graphcore.system import reading
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "calculation", "foreign_file", "is_calculation", "module_name", "of_calculation", "of_run",
    "write",
]  # fmt: skip

SCRIPT_DIGEST = "gradscape script sha256"
"""Key of the digest in the weights' metadata."""
SAMPLES = 16
"""Samples of the test split in the self-test."""


def of_run(trainer: Trainer, name: str, traced: bool = False) -> TorchExport:
    """A net with the weights it has now; raises ExportError.

    Args:
        traced: whether ``program`` is to make a .pt2 file of it.
    """
    x, t = trainer.tensors(trainer.data.test, SAMPLES)
    plan, binding = trainer.looking_plan(), trainer.binding
    raw = RawPart(trainer) if binding.input and len(trainer.data.test) else None
    return export(
        trainer.graph, plan, binding.feeds(x, t), name=name, answer=binding.output, raw=raw,
        traced=traced,
    )  # fmt: skip


def of_calculation(graph: Graph, plan: Plan, name: str, traced: bool = False) -> TorchExport:
    """A graph whose inputs have their own values; raises ExportError, FeedError."""
    return export(graph, plan, {}, name=name, traced=traced)


def write(made: TorchExport, folder: Path, name: str) -> Path:
    """Write the script and its two files; returns the script's path. Raises FileError.

    The weights carry the digest of the script, by which ``foreign_file`` knows it again.
    """
    from safetensors.torch import save

    kept = {"predictions": made.predictions} if made.predictions else None
    return write_files(
        folder, name, made.script, SCRIPT_DIGEST,
        lambda noted: save(_apart(made.weights), noted), save(_apart(made.self_test), kept),
    )  # fmt: skip


def write_files(
    folder: Path, name: str, script: str, key: str, weights: Callable[[dict[str, str]], bytes],
    self_test: bytes,
) -> Path:  # fmt: skip
    """Write a script with its weights and its self-test; returns its path. Raises FileError.

    Args:
        key: in the weights' metadata, of the script's digest.
        weights: gives the file of the weights with that metadata.
    """
    make_folder(folder)
    path, weights_path, test_path = _files(folder, name)
    content = script.encode()
    write_atomically(weights_path, weights({key: digest_of(content)}))
    write_atomically(test_path, self_test)
    write_atomically(path, content)
    return path


def foreign_file(folder: Path, name: str, key: str = SCRIPT_DIGEST) -> Path | None:
    """Return a file that ``write`` would replace and did not write itself, or None.

    A script that was changed since it was written counts as foreign.
    """
    from safetensors import SafetensorError, safe_open

    script, weights, _ = files = _files(folder, name)

    def noted() -> str:
        try:
            with reading.opened(weights, LARGEST), safe_open(weights, "np") as file:
                return str((file.metadata() or {}).get(key, ""))
        except SafetensorError:
            return ""

    return foreign_among(files, script, noted)


def _files(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """Script, weights and self-test of an export."""
    endings = ("py", "safetensors", "selftest.safetensors")
    script, weights, self_test = (folder / f"{name}.{ending}" for ending in endings)
    return script, weights, self_test


def _apart(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Copies that share no memory, as the file wants them."""
    return {k: v.detach().cpu().clone().contiguous() for k, v in tensors.items()}


def calculation(graph: Graph) -> Plan:
    """A plan of a graph that has nothing to learn; raises ShapeError."""
    return compile(graph, dtype="float64", mode="inspect", seed=graph.training.seed)


def is_calculation(graph: Graph) -> bool:
    """Whether the inputs' own values run through the graph, and no data."""
    return not learns(graph)
