"""An ONNX file as a net, and its check against ONNX's own evaluator."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphcore.errors import ExportError, FileError, GradscapeError, short
from graphcore.exchange import check
from graphcore.exchange.embedded import restored
from graphcore.exchange.net import ImportedNet, net_of
from graphcore.exchange.onnx import document, patterns
from graphcore.exchange.onnx.file import OnnxFile
from graphcore.exchange.onnx.operators.table import NUMBERS
from graphcore.exchange.program import Opaque, count_numbers
from graphcore.files.embedding import KEY
from graphcore.files.onnx.writer import run_reference

FLAT = 13
"""The version since which softmax is along one axis."""
_SOFTMAX = ("Softmax", "LogSoftmax", "Hardmax")
_HALVES = ("float16", "bfloat16")


def open_onnx(
    path: str | os.PathLike[str], *, example: Any = None, checked: bool = False
) -> ImportedNet:
    """Open an ONNX file as data.

    Args:
        example: arrays as the net takes them, for sizes that the file leaves open; a dict by the
            inputs' names, a tuple in their order, or a single one.
        checked: whether its outputs are compared with those of ONNX's reference evaluator.

    Raises:
        FileError: it is damaged, or holds what is not understood; names operator and node.
        ExportError: the package onnx is not installed.
    """
    file = OnnxFile(path)
    fed = document.inputs_of(file)
    arrays = _arrays(example, [one.name for one in fed])
    net = restored(_net(file, arrays), file.note(KEY), file.numbers)
    net.report.own = "the reference evaluator's"
    if checked:
        given = arrays or filled(fed)
        net.report.notes += _compared(net, file, given)
    return net


def _arrays(example: Any, names: Sequence[str]) -> list[np.ndarray[Any, Any]]:
    if example is None:
        return []
    if isinstance(example, Mapping):
        missing = [n for n in names if n not in example]
        if missing:
            raise FileError(f"The example has no {short(missing[0])}, which the net takes.")
        example = [example[n] for n in names]
    given = example if isinstance(example, tuple | list) else (example,)
    return [np.asarray(v.detach().cpu() if hasattr(v, "detach") else v) for v in given]


def _net(file: OnnxFile, example: Sequence[np.ndarray[Any, Any]]) -> ImportedNet:
    why = ""
    for batch, choice in ((True, 0), (True, 1), (False, 0)):
        try:
            program = document.read_file(file, batch=batch, example=example, choice=choice)
            patterns.simplify(program)
            net = net_of(program, file.name)
            if batch and program.guessed:
                numbers = sum(count_numbers(v.shape, TOGETHER) for v in program.values.values())
                if numbers > MOST_NUMBERS or not _samples_are_apart(net):
                    raise Opaque("which axis holds the samples is not clear")
        except Opaque as error:
            why = why or str(error)
            continue
        if not batch and program.inputs:
            reason = f" ({why})" if why else ""
            net.report.notes.append(
                f"The number of samples is that of the file: no axis follows the batch{reason}."
            )
        return net
    raise file.refusal("its sizes are not understood")


TOGETHER = 3
"""Samples of a trial."""
MOST_NUMBERS = 1 << 28
"""Numbers of all values in a trial."""
_FAULTS = (GradscapeError, RuntimeError, ValueError, IndexError, MemoryError)


def _samples_are_apart(net: ImportedNet) -> bool:
    """Whether several samples together give what each gives alone."""
    fed = {}
    for place, name in enumerate(net.inputs):
        a = net.graph.node(name).attributes
        shape = (TOGETHER if a["batch"] else 1, *a["shape"])
        k = np.arange(int(np.prod(shape))).reshape(shape)
        made = np.sin(0.37 * k * k + place) if a["dtype"] == "float" else (3 * k + k // 7) % 2
        fed[name] = made if a["batch"] else made[0]
    try:
        plan = net.compile()
        alone = []
        for i in range(TOGETHER):
            plan.forward({n: v[i : i + 1] if net.graph.node(n).attributes["batch"] else v
                          for n, v in fed.items()})  # fmt: skip
            alone.append([plan.value(o).numpy().copy() for o in net.outputs])
    except _FAULTS:
        return True  # it takes other numbers than these: there is nothing to compare
    try:
        plan.forward(fed)
        together = [plan.value(o).numpy() for o in net.outputs]
    except _FAULTS:
        return False
    return all(_same_parts(y, parts) for y, *parts in zip(together, *alone, strict=True))


def _same_parts(together: np.ndarray[Any, Any], alone: Sequence[np.ndarray[Any, Any]]) -> bool:
    """Whether an answer is made of the answers for single samples, along some axis."""
    if together.shape == alone[0].shape:
        return bool(np.allclose(together, alone[0], rtol=1e-3, atol=1e-5, equal_nan=True))
    pairs = enumerate(zip(together.shape, alone[0].shape, strict=True))
    longer = [i for i, (a, b) in pairs if a != b]
    whole = np.concatenate(alone, longer[0]) if len(longer) == 1 else np.zeros(0)
    return whole.shape == together.shape and bool(
        np.allclose(together, whole, rtol=1e-3, atol=1e-5, equal_nan=True)
    )


def filled(
    fed: Sequence[document.Fed], shapes: Sequence[tuple[int, ...]] = ()
) -> list[np.ndarray[Any, Any]]:
    """Numbers for each input: waves, or small whole numbers; the same ones every time."""
    found = []
    for place, (one, shape) in enumerate(
        zip(fed, document.example_shapes(fed, shapes), strict=True)
    ):
        k = np.arange(int(np.prod(shape))).reshape(shape)
        number = NUMBERS[one.kind]
        made = np.sin(0.37 * k) + place if number == "float" else (3 * k + 1) % 2
        found.append(made.astype(_type(one.kind)))
    return found


def _type(kind: int) -> Any:
    """The type of an input's numbers in the file."""
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(kind)


def _compared(net: ImportedNet, file: OnnxFile, given: Sequence[np.ndarray[Any, Any]]) -> list[str]:
    """Compare with ONNX's reference evaluator; returns what there is to say of it."""
    names = [one.name for one in document.inputs_of(file)]
    try:
        outputs = run_reference(file.model, dict(zip(names, given, strict=True)))
    except ExportError as error:
        return [f"It was not compared: {error!s}"]
    setting = document.settings_of(file) if len(net.inputs) < len(names) else set()
    fed = [a for name, a in zip(names, given, strict=True) if name not in setting]
    plain = [a.astype(np.float32) if a.dtype.name in _HALVES else a for a in fed]
    check.compare(net, check.Reference(plain, [np.asarray(v) for v in outputs]))
    old = file.opset < FLAT and any(n.op_type in _SOFTMAX for n in file.model.graph.node)
    if not (net.report.max_error or 0.0) <= check.TOLERANCE and old:
        return [
            "The evaluator takes softmax along one axis, where files before version 13 mean all "
            "axes from there on; the difference may be its own."
        ]
    return []
