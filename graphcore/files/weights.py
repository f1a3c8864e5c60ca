"""Weights of a net as a safetensors file, and the weights of another program's net in ours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphcore.errors import FileError
from graphcore.files.atomic import write_atomically
from graphcore.late import torch
from graphcore.plan import Plan

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Fit:
    """What became of a file's tensors.

    Attributes:
        loaded: parameters and running statistics that were taken from the file.
        other_shape: those that the file has in another shape; missing: that it has not at all.
        unused: tensors of the file that nothing wanted.
    """

    loaded: tuple[str, ...]
    other_shape: tuple[str, ...]
    missing: tuple[str, ...]
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

    try:
        tensors: dict[str, Tensor] = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(f"{path} cannot be read as safetensors: {reason}.") from None
    return tensors


def read_weights(path: Path, plan: Plan) -> None:
    """Fill a net from a file that ``write_weights`` wrote, all or nothing; raises FileError."""
    tensors, wanted = read_tensors(path), state(plan)
    for name, tensor in wanted.items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise FileError(f"{path} has no weights of shape {tuple(tensor.shape)} for {name}.")
    for name, tensor in wanted.items():
        tensor.copy_(tensors[name])


def fit_weights(plan: Plan, tensors: Mapping[str, Tensor]) -> Fit:
    """Take over what fits from a state-dict of another program.

    Names are compared without regard to how composites and layers are joined to them; what is
    left over is matched where there is only one of its shape on either side.
    """
    wanted, found = state(plan), dict(_pairs(state(plan), tensors))
    loaded, other = [], []
    with torch.inference_mode():
        for name, tensor in wanted.items():
            given = found.get(name)
            if given is not None and tensors[given].shape == tensor.shape:
                tensor.copy_(tensors[given])
                loaded.append(name)
            elif given is not None:
                other.append(name)
    taken = {found[name] for name in (*loaded, *other)}
    return Fit(
        tuple(loaded), tuple(other), tuple(n for n in wanted if n not in found),
        tuple(n for n in tensors if n not in taken and not n.endswith("num_batches_tracked")),
    )  # fmt: skip


def _pairs(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> list[tuple[str, str]]:
    """Which of our names goes with which of theirs."""
    theirs = {_plain(name): name for name in tensors}
    pairs = [(name, theirs[_plain(name)]) for name in wanted if _plain(name) in theirs]
    ours_left = [n for n in wanted if _plain(n) not in theirs]
    used = {given for _, given in pairs}
    theirs_left = [n for n in tensors if n not in used]
    ours_count = Counter(tuple(wanted[n].shape) for n in ours_left)
    theirs_count = Counter(tuple(tensors[n].shape) for n in theirs_left)
    only = {tuple(tensors[n].shape): n for n in theirs_left}
    for name in ours_left:
        shape = tuple(wanted[name].shape)
        if ours_count[shape] == theirs_count[shape] == 1:
            pairs.append((name, only[shape]))
    return pairs


def _plain(name: str) -> str:
    """ "block/conv.weight", "block.conv.weight" and "block_conv.weight" are one name."""
    return re.sub(r"[/._]+", "_", name).removesuffix("_l0").removesuffix("_value")
