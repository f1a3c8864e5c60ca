"""Opens a file of another program, whichever kind it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from graphcore.errors import FileError, short
from graphcore.exchange.embedded import restored
from graphcore.exchange.net import ImportedNet, net_of
from graphcore.exchange.program import Opaque, Program
from graphcore.exchange.pt2 import archive, document
from graphcore.files.embedding import KEY


def open_pt2(path: str | os.PathLike[str]) -> ImportedNet:
    """Open a file of ``torch.export.save`` as data; raises FileError."""
    name = Path(path).name
    program, net = _read_pt2(path, name)
    with archive.opened(path) as file:
        note = file.note(KEY)
    tensors = {t.name: t.array for t in program.tensors.values()}
    return restored(net, note, tensors.get)


def _read_pt2(path: str | os.PathLike[str], name: str) -> tuple[Program, ImportedNet]:
    """Read the calls of a file, and make a net of them."""
    try:
        program = document.read(path)
        batched = bool(program.hint)
        net = net_of(program, name)
    except Opaque:
        batched = False
        program = document.read(path, batch=False)
        try:
            net = net_of(program, name)
        except Opaque:
            raise FileError(f"{short(name)}: its sizes are not understood.") from None
    if not batched and program.inputs:
        net.report.notes.append(
            "The number of samples is that of the example it was exported with: no axis follows "
            "the batch."
        )
    return program, net


def open_net(
    path: str | os.PathLike[str], *, run: bool = False, class_name: str | None = None,
    example: Any = None, check: bool = False,
) -> ImportedNet:  # fmt: skip
    """Open a net of another program.

    Args:
        run: whether a ``.py`` file may be run, in a process of its own; else it is only read.
        class_name: the module in a ``.py`` file; left out, the only one that fits.
        example: for a ``.py`` file: a tensor, a tuple, or a dict of keyword arguments, as
            ``forward`` takes them; left out, its shape is guessed from the layers. For an
            ``.onnx`` file: arrays, whose shapes hold where the file leaves sizes open.
        check: whether an ``.onnx`` file is compared with ONNX's reference evaluator.

    Raises:
        FileError: one sentence, which names the file and what is wrong with it.
    """
    kind = Path(path).suffix.lower()
    if kind == ".pt2":
        return open_pt2(path)
    if kind == ".onnx":
        from graphcore.exchange.onnx.opening import open_onnx

        return open_onnx(path, example=example, checked=check)
    if kind == ".py":
        from graphcore.exchange.python import open_source, run_file

        if run:
            return run_file(path, class_name=class_name, example=example)
        return open_source(path, example)
    raise FileError(
        f"{short(Path(path).name)} is no net that is read here: a .pt2 file (torch.export.save), "
        "an .onnx file, or a .py file with a module."
    )
