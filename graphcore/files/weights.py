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
        turned: tensors of the file that are transposed: see ``_turned``.
        left_out: what of the net found nothing that fits, and why; empty for a whole fit.
    """

    sources: dict[str, str]
    by_shape: tuple[str, ...]
    unused: tuple[str, ...]
    by_order: tuple[str, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    turned: tuple[str, ...] = ()

    def given(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What goes into the net, by the net's names."""
        return {
            name: tensors[source].t() if source in self.turned else tensors[source]
            for name, source in self.sources.items()
        }


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
        for name, given in fit.given(tensors).items():
            own[name].copy_(given)


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
    turned = _turned(wanted, tensors, sources)
    tensors = {k: t.t() if k in turned else t for k, t in tensors.items()}
    guessed = _by_shape(wanted, tensors, sources)
    sources |= guessed
    placed = _by_order(wanted, tensors, sources) if ordered else {}
    sources |= placed
    left_out = {
        name: why for name in wanted
        if (why := _problem(name, wanted, tensors, sources)) and not _optional(name, sources)
    }  # fmt: skip
    if left_out and not (partly and len(left_out) < len(wanted)):
        raise FileError(_refusal(left_out, wanted, tensors, sources))
    sources = {name: source for name, source in sources.items() if name not in left_out}
    used = set(sources.values())
    unused = tuple(n for n in tensors if n not in used and not n.endswith("num_batches_tracked"))
    shape, order = (tuple(n for n in kind if n in sources) for kind in (guessed, placed))
    return Fit(sources, shape, unused, order, left_out, turned)


def _optional(name: str, sources: Mapping[str, str]) -> bool:
    """Whether a table that is not in the file stays: many modules leave theirs out of it."""
    return is_table(name) and name not in sources


def is_table(name: str) -> bool:
    """Whether what is called so in the state of a net is a table that is not learned."""
    return name.endswith(".value")


_CONV1D = re.compile(r"(^|[/._])(c_attn|c_proj|c_fc|q_attn)[/._]weight$")


def _turned(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], sources: Mapping[str, str]
) -> tuple[str, ...]:
    """Kernels of GPT-2's published weights, which have the inputs first; those that are square too.

    They are so where every kernel of these names that is not square has our shape reversed.
    """
    found = {n: s for n, s in sources.items() if _CONV1D.search(n) and wanted[n].dim() == 2}
    shapes = [(tuple(wanted[n].shape), tuple(tensors[s].shape)) for n, s in found.items()]
    oblong = [pair for pair in shapes if pair[0][0] != pair[0][1]]
    reversed_ = bool(oblong) and all(ours == theirs[::-1] for ours, theirs in oblong)
    return tuple(found.values()) if reversed_ else ()


def _refusal(
    left_out: Mapping[str, str], wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor],
    sources: Mapping[str, str],
) -> str:  # fmt: skip
    """The first thing that does not fit, in a sentence; what is missing comes first."""
    missing = [name for name in wanted if name not in sources and not is_table(name)]
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
    wanted = _unique((plain_name(name), name) for name in ours)
    under: dict[str, list[tuple[str, str]]] = {}
    for name in theirs:
        for start in (0, *(m.end() for m in re.finditer(r"[/.]+", name))):
            under.setdefault(plain_name(name[:start]), []).append((plain_name(name[start:]), name))
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
    return f"{plain_name(name).rsplit('_', 1)[-1]} {tuple(tensor.shape)}"


def plain_name(name: str) -> str:
    """Return a name without regard to how modules, nodes and layers are joined in it.

    "block/conv.weight", "block.conv.weight" and "block_conv.weight" are one name, and so are
    torch's "lstm.weight_ih_l1" and "lstm/l1.weight_ih"; the first of several layers says nothing.
    """
    joined = re.sub(r"[/._]+", "_", name).removesuffix("_value")
    return _FIRST.sub(r"_\1", _LAYER.sub(_named_layer, f"_{joined}")).lstrip("_")


def _named_layer(found: re.Match[str]) -> str:
    return f"_{found[2]}_{found[1]}{found[3] or ''}"


_LAYER = re.compile(r"_((?:weight|bias)_(?:ih|hh|hr))_(l\d+)(_reverse)?$")
_FIRST = re.compile(r"_l0_((?:weight|bias)_(?:ih|hh|hr)(?:_reverse)?)$")
