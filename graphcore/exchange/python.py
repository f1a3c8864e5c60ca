"""A ``.py`` file with a module: read as source, or run in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphcore.errors import ExportError
from graphcore.exchange import check, inputs
from graphcore.exchange.net import ImportedNet
from graphcore.exchange.opening import open_pt2
from graphcore.exchange.report import ImportReport
from graphcore.exchange.sources import source_text
from graphcore.files.torch.source import read_net
from graphcore.graph.counts import counts
from graphcore.graph.shapes import ShapeInference
from graphcore.system import start

PATIENCE_S = 300.0
"""How long a user's file may run."""


def open_source(path: str | os.PathLike[str], example: Any = None) -> ImportedNet:
    """Read a module's source, which is never run; its weights are initialised.

    Args:
        example: tensors or arrays as ``forward`` takes them, for the shapes of the inputs.

    Raises:
        FileError, ExportError: what is not understood, with its line.
    """
    shapes = [tuple(value.shape[1:]) for _, value in _named(example)]
    found = read_net(source_text(path), shapes)
    learned = counts(found.graph, ShapeInference(found.graph)).parameters
    report = ImportReport(Path(path).name, nodes=len(found.graph), parameters=learned)
    report.notes.append("Only its source was read: weights start by rule, or come from a file.")
    return ImportedNet(found.graph, {}, found.inputs, found.outputs, report)


def _named(example: Any) -> list[tuple[str, Any]]:
    """The tensors of an example, each with its name or "" by its place."""
    if example is None:
        return []
    if isinstance(example, Mapping):
        return [(str(k), v) for k, v in example.items()]
    return [("", v) for v in (example if isinstance(example, tuple | list) else (example,))]


def run_file(
    path: str | os.PathLike[str], *, class_name: str | None = None, example: Any = None,
    specs: Sequence[inputs.InputSpec] = (), patience_s: float = PATIENCE_S,
) -> ImportedNet:  # fmt: skip
    """Run a file in a process of its own, and open the module that it exports.

    Args:
        example: tensors or arrays as ``forward`` takes them; else ``specs`` are filled.

    Raises:
        FileError, ExportError: one sentence: what the file did, or what torch said of it.
    """
    file = Path(path).resolve()
    source_text(path)
    with tempfile.TemporaryDirectory(prefix="gradscape-") as folder:
        place = Path(folder)
        names = _write_example(example, place)
        request = {
            "path": str(file), "name": file.name, "class_name": class_name, "tensors": names,
            "inputs": [[s.name, s.dtype, list(s.shape)] for s in specs],
        }  # fmt: skip
        (place / "request.json").write_text(json.dumps(request))
        answer = _run(place, file, patience_s)
        net = open_pt2(place / "net.pt2")
        net.report.source = f"{answer['class']} of {file.name}"
        net.report.guessed = answer["guessed"]
        check.compare(net, _reference(place / "check.safetensors"))
    return net


def _run(folder: Path, file: Path, patience_s: float) -> dict[str, Any]:
    """Wait for the process; returns its answer; raises ExportError."""
    command = start.command("graphcore.exchange.runner", str(folder))
    with subprocess.Popen(
        command, cwd=file.parent, stdin=subprocess.PIPE, stdout=_shown(), stderr=_shown()
    ) as process:  # it ends when its standard input does
        try:
            code = process.wait(patience_s)
        except BaseException as error:
            process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise ExportError(
                f"{file.name} was stopped: it ran for more than {patience_s:g} s."
            ) from None
    answer = folder / "answer.json"
    if not answer.exists():
        raise ExportError(f"{file.name} ended its process (exit {code}).")
    found: dict[str, Any] = json.loads(answer.read_text())
    if "error" in found:
        raise ExportError(found["error"])
    return found


def _shown() -> int | None:
    """Where what the file prints goes: standard error, where that is a file of the system's."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return subprocess.DEVNULL


def _write_example(example: Any, folder: Path) -> list[str]:
    """Leave an example for the process; returns the name of each tensor, "" by its place."""
    if example is None:
        return []
    from safetensors.numpy import save_file

    named = _named(example)
    arrays = {}
    for i, (_, value) in enumerate(named):
        plain = value.detach().cpu().numpy() if hasattr(value, "detach") else value
        arrays[f"t{i}"] = np.ascontiguousarray(plain)
    save_file(arrays, folder / "example.safetensors")
    return [name for name, _ in named]


def _reference(path: Path) -> check.Reference:
    from safetensors.numpy import load_file

    arrays = load_file(path)
    found = check.Reference()
    kinds = (("in", found.inputs), ("out", found.outputs), ("training", found.training))
    for kind, kept in kinds:
        count = sum(1 for name in arrays if name.startswith(kind) and name[len(kind) :].isdigit())
        kept += [arrays[f"{kind}{i}"] for i in range(count)]
    found.random = bool(arrays["random"])
    prefix = "gradient:"
    found.gradients = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    return found
