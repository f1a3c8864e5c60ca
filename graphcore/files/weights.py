"""Weights of a net as a safetensors file, and the weights of another program's net in ours."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from graphcore.engine.plan import Plan
from graphcore.errors import FileError, short
from graphcore.files.atomic import write_atomically
from graphcore.late import torch
from graphcore.system import reading

if TYPE_CHECKING:
    from torch import Tensor


LARGEST = 8192 * reading.MIB
LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the safetensors library."""


@dataclass(frozen=True)
class Fit:
    """Which tensor of a file goes into each of a net's.

    Attributes:
        sources: for each parameter and running statistic, the name of the file's tensor.
        by_shape: those of the net's that were found by their shape, not by their name.
        unused: tensors of the file that nothing wanted.
    """

    sources: dict[str, str]
    by_shape: tuple[str, ...]
    unused: tuple[str, ...]


def state(plan: Plan) -> dict[str, Tensor]:
    """Parameters and running statistics by name, the plan's own tensors."""
    return {**plan.parameters, **plan.buffers}


def write_weights(path: Path, plan: Plan) -> None:
    """Write parameters and running statistics; raises FileError."""
    from safetensors.torch import save

    write_atomically(
        path, save({k: v.detach().cpu().contiguous().clone() for k, v in state(plan).items()})
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file; raises FileError."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    with reading.opened(path, LARGEST) as file:
        try:
            _check_header(file)
            tensors: dict[str, Tensor] = load(file.read())
        except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise FileError(
                f"{short(path)} cannot be read as safetensors: {short(error).rstrip('.')}."
            ) from None
    return tensors


def _check_header(file: BinaryIO) -> None:
    """Raise ValueError unless the file begins as one of this kind, before it is read whole."""
    length, begin = int.from_bytes(file.read(8), "little"), file.read(1)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if begin != b"{" or length > min(LONGEST_HEADER, size - 8):
        raise ValueError("it does not begin with a header")


def read_weights(path: Path, plan: Plan) -> None:
    """Fill a net from a file that ``write_weights`` wrote, all or nothing; raises FileError."""
    tensors, wanted = read_tensors(path), state(plan)
    for name, tensor in wanted.items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise FileError(
                f"{short(path)} has no weights of shape {tuple(tensor.shape)} for {short(name)}."
            )
    for name, tensor in wanted.items():
        tensor.copy_(tensors[name])


def fill(plan: Plan, fit: Fit, tensors: Mapping[str, Tensor]) -> None:
    """Copy what was matched into the net."""
    with torch.inference_mode():
        for name, tensor in state(plan).items():
            tensor.copy_(tensors[fit.sources[name]])


def match_weights(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Fit:
    """Return which tensor of a state dict goes into each of a net's.

    Names are compared without regard to what all of the net's have in front of them in the file
    (``module.``) and to how composites and layers are joined to them; what is left over is
    matched where there is only one of its kind and shape on either side.

    Raises:
        FileError: a tensor is missing, could be one of several, has another shape, or holds
            numbers that are no weights.
    """
    sources = _by_name(list(wanted), list(tensors))
    guessed = _by_shape(wanted, tensors, sources)
    sources |= guessed
    missing = [name for name in wanted if name not in sources]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise FileError(
            f"The file has no tensor for {short(missing[0])}{more} of the net's {len(wanted)}; "
            f"it has {', '.join(map(short, list(tensors)[:3])) or 'none at all'}: "
            "nothing was loaded."
        )
    for name, tensor in wanted.items():
        _check_tensor(name, tensor, tensors[sources[name]])
    used = set(sources.values())
    left = (n for n in tensors if n not in used and not n.endswith("num_batches_tracked"))
    return Fit(sources, tuple(guessed), tuple(left))


def _check_tensor(name: str, wanted: Tensor, given: Tensor) -> None:
    """Raise FileError unless the numbers are weights of this shape."""
    name, ours, theirs = short(name), tuple(wanted.shape), tuple(given.shape)
    if ours != theirs:
        turned = len(ours) > 1 and sorted(ours) == sorted(theirs)
        why = " (turned round, as Keras keeps kernels)" if turned else ""
        raise FileError(
            f"{name} of the net has the shape {ours}, in the file {theirs}{why}: "
            "nothing was loaded."
        )
    if not given.dtype.is_floating_point:
        kind = str(given.dtype).removeprefix("torch.")
        raise FileError(f"{name} is {kind} in the file, not floating point: nothing was loaded.")
    odd = int((~torch.isfinite(given.to(wanted.dtype))).sum())
    if odd:
        raise FileError(
            f"{name} has {odd:,} values in the file that are NaN, infinite or too large: "
            "nothing was loaded."
        )


def _by_name(ours: list[str], theirs: list[str]) -> dict[str, str]:
    """Sources by name, all with the same prefix: the one that gives most of the net's tensors."""
    wanted = _unique((_plain(name), name) for name in ours)
    under: dict[str, list[tuple[str, str]]] = {}
    for name in theirs:
        for start in (0, *(m.end() for m in re.finditer(r"[/.]+", name))):
            under.setdefault(_plain(name[:start]), []).append((_plain(name[start:]), name))
    found = {prefix: _unique(pairs) for prefix, pairs in under.items()}
    score = {prefix: len(wanted.keys() & names.keys()) for prefix, names in found.items()}
    most = max(score.values(), default=0)
    best = sorted((p for p, n in score.items() if n == most), key=len)
    if not most:
        return {}
    if len(best) > 1 and best[0]:
        raise FileError(
            f"The file holds more than one net that fits: under {short(best[0])} and under "
            f"{short(best[1])}; nothing was loaded."
        )
    names = found[best[0]]
    return {name: names[plain] for plain, name in wanted.items() if plain in names}


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The names by their plain form, without those that have the same."""
    listed = list(pairs)
    counts = Counter(plain for plain, _ in listed)
    return {plain: name for plain, name in listed if counts[plain] == 1}


def _by_shape(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], sources: Mapping[str, str]
) -> dict[str, str]:
    """Sources of what no name gave: the only one of its kind (weight, bias, ...) and shape."""
    used = set(sources.values())
    ours = _unique((_kind(n, t), n) for n, t in wanted.items() if n not in sources)
    theirs = _unique((_kind(n, t), n) for n, t in tensors.items() if n not in used)
    return {name: theirs[kind] for kind, name in ours.items() if kind in theirs}


def _kind(name: str, tensor: Tensor) -> str:
    return f"{_plain(name).rsplit('_', 1)[-1]} {tuple(tensor.shape)}"


def _plain(name: str) -> str:
    """ "block/conv.weight", "block.conv.weight" and "block_conv.weight" are one name."""
    return re.sub(r"[/._]+", "_", name).removesuffix("_l0").removesuffix("_value")
