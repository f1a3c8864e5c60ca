"""Weights of a net as a safetensors file, and the weights of another program's net in ours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from graphcore.engine.plan import Plan
from graphcore.errors import FileError, short
from graphcore.files.atomic import write_atomically
from graphcore.files.state_dict import read_tensors
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Fit:
    """Which tensor of a file goes into each of a net's.

    Attributes:
        sources: for each parameter and running statistic, the name of the file's tensor.
        by_shape: those of the net's that were found by their shape, not by their name.
        by_order: those that were found by their place among others of their shape.
        unused: tensors of the file that nothing wanted.
        left_out: what of the net found nothing that fits, and why; empty for a whole fit.
    """

    sources: dict[str, str]
    by_shape: tuple[str, ...]
    unused: tuple[str, ...]
    by_order: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


def state(plan: Plan) -> dict[str, Tensor]:
    """Parameters and running statistics by name, the plan's own tensors."""
    return {**plan.parameters, **plan.buffers}


def write_weights(path: Path, plan: Plan) -> None:
    """Write parameters and running statistics; raises FileError."""
    from safetensors.torch import save

    write_atomically(
        path, save({k: v.detach().cpu().contiguous().clone() for k, v in state(plan).items()})
    )


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
    own = state(plan)
    with torch.inference_mode():
        for name, source in fit.sources.items():
            own[name].copy_(tensors[source])


def match_weights(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], ordered: bool = False,
    partly: bool = False,
) -> Fit:  # fmt: skip
    """Return which tensor of a state dict goes into each of a net's.

    Names are compared without regard to what all of the net's have in front of them in the file
    (``module.``) and to how composites and layers are joined to them; what is left over is
    matched where there is only one of its kind and shape on either side.

    Args:
        ordered: whether the file's order is the module's: what is left then is matched in order,
            where there are as many of each kind and shape on both sides.
        partly: whether a fit of some of the net's tensors is a fit.

    Raises:
        FileError: a tensor is missing, could be one of several, has another shape, or holds
            numbers that are no weights; with ``partly``, none fits.
    """
    sources = _by_name(list(wanted), list(tensors))
    guessed = _by_shape(wanted, tensors, sources)
    sources |= guessed
    placed = _by_order(wanted, tensors, sources) if ordered else {}
    sources |= placed
    left_out = {name: why for name in wanted if (why := _problem(name, wanted, tensors, sources))}
    if left_out and not (partly and len(left_out) < len(wanted)):
        raise FileError(_refusal(left_out, wanted, tensors, sources))
    sources = {name: source for name, source in sources.items() if name not in left_out}
    used = set(sources.values())
    unused = tuple(n for n in tensors if n not in used and not n.endswith("num_batches_tracked"))
    shape, order = (tuple(n for n in kind if n in sources) for kind in (guessed, placed))
    return Fit(sources, shape, unused, order, left_out)


def _refusal(
    left_out: Mapping[str, str], wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor],
    sources: Mapping[str, str],
) -> str:  # fmt: skip
    """The first thing that does not fit, in a sentence; what is missing comes first."""
    missing = [name for name in wanted if name not in sources]
    if not missing:
        return f"{next(iter(left_out.values()))}: nothing was loaded."
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return (
        f"The file has no tensor for {short(missing[0])}{more} of the net's {len(wanted)}; "
        f"it has {', '.join(map(short, list(tensors)[:3])) or 'none at all'}: "
        "nothing was loaded."
    )


def _problem(
    key: str, wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor],
    sources: Mapping[str, str],
) -> str:  # fmt: skip
    """Why nothing goes into a tensor of the net, without its full stop; "" where something does."""
    name = short(key)
    if key not in sources:
        return f"{name} is not in the file"
    want, given = wanted[key], tensors[sources[key]]
    ours, theirs = tuple(want.shape), tuple(given.shape)
    if ours != theirs:
        transposed = len(ours) > 1 and sorted(ours) == sorted(theirs)
        why = " (transposed, as Keras keeps kernels)" if transposed else ""
        return f"{name} of the net has the shape {ours}, in the file {theirs}{why}"
    if want.is_floating_point() != given.is_floating_point():
        wanted_kind = "floating point" if want.is_floating_point() else kind_of(want)
        return f"{name} is {kind_of(given)} in the file, not {wanted_kind}"
    odd = int((~torch.isfinite(given.to(want.dtype))).sum())
    if odd:
        return f"{name} has {odd:,} values in the file that are NaN, infinite or too large"
    return ""


def kind_of(tensor: Tensor) -> str:
    """Return the type of a tensor's numbers, such as "float16"."""
    return str(tensor.dtype).removeprefix("torch.")


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


def _by_order(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], sources: Mapping[str, str]
) -> dict[str, str]:
    """Sources of what is left, kind by kind in order, where both sides have as many."""
    used, found = set(sources.values()), dict[str, str]()
    ours = [(_kind(n, t), n) for n, t in wanted.items() if n not in sources]
    theirs = [(_kind(n, t), n) for n, t in tensors.items() if n not in used]
    for kind in dict.fromkeys(kind for kind, _ in ours):
        mine = [n for k, n in ours if k == kind]
        others = [n for k, n in theirs if k == kind]
        if len(mine) == len(others):
            found |= dict(zip(mine, others, strict=True))
    return found


def _kind(name: str, tensor: Tensor) -> str:
    return f"{_plain(name).rsplit('_', 1)[-1]} {tuple(tensor.shape)}"


def _plain(name: str) -> str:
    """ "block/conv.weight", "block.conv.weight" and "block_conv.weight" are one name."""
    return re.sub(r"[/._]+", "_", name).removesuffix("_l0").removesuffix("_value")
