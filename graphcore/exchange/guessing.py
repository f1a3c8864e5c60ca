"""A shape that a module takes, found from its first layer and by trying."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from graphcore.errors import ExportError, short
from graphcore.exchange import inputs
from graphcore.late import torch

if TYPE_CHECKING:
    from torch.nn import Module

USUAL = (28, 32, 224, 64, 96, 128, 16, 8, 227, 256, 299)
"""Widths of pictures that nets are usually made for."""
LENGTH = 6


def guess(module: Module) -> inputs.InputSpec:
    """Return the first shape that a module runs with, as many samples out as in if there is one.

    Raises:
        ExportError: it takes several inputs, or runs with no shape that is tried.
    """
    needed = required(module)
    if len(needed) != 1:
        raise ExportError(
            f"{type(module).__name__} takes {', '.join(needed) or 'no input'}: give the shape of "
            "each, such as 3x32x32."
        )
    said, mixed = "", list[inputs.InputSpec]()
    for spec in _candidates(module):
        try:
            if _keeps_samples(module, spec):
                return spec
            mixed.append(spec)
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            said = said or f" ({spec} gives: {short(text, 120)})"
    if mixed:
        return mixed[0]
    raise ExportError(
        f"The shape that {type(module).__name__} takes cannot be guessed{said}: give it, "
        "such as 3x32x32."
    )


def required(module: Module) -> list[str]:
    """Names of what ``forward`` cannot do without."""
    parameters = inspect.signature(module.forward).parameters.values()
    return [
        p.name for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]  # fmt: skip


def smallest_table(module: Module) -> int:
    """Rows of the smallest embedding, at most 10: indices below it fit everywhere."""
    tables = [m.num_embeddings for m in module.modules() if isinstance(m, torch.nn.Embedding)]
    return min([10, *tables])


def _keeps_samples(module: Module, spec: inputs.InputSpec) -> bool:
    """Whether as many samples come out as go in; raises what the module raises."""
    x = torch.from_numpy(inputs.filled(spec, 0, smallest_table(module)))
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            answer = module(x)
    finally:
        for part, mode in modes:
            part.training = mode
    leaves = [t for t in torch.utils._pytree.tree_leaves(answer) if isinstance(t, torch.Tensor)]
    return any(t.dim() and len(t) == inputs.SAMPLES for t in leaves)


def _candidates(module: Module) -> Iterator[inputs.InputSpec]:
    for part in module.modules():
        shapes = _shapes(part)
        if shapes is not None:
            dtype = "int64" if isinstance(part, torch.nn.Embedding) else "float32"
            yield from (inputs.InputSpec("", dtype, s) for s in shapes)
            break
    yield from (inputs.InputSpec("", "float32", s) for s in ((1, 28, 28), (3, 32, 32), (8,)))


def _shapes(part: Any) -> Iterator[tuple[int, ...]] | None:
    """Shapes that a layer takes; None for what says nothing of its input."""
    nn = torch.nn
    lazy = 0
    if isinstance(part, nn.Embedding):
        return iter([(LENGTH,), (), (LENGTH, LENGTH)])
    if isinstance(part, nn.RNNBase):
        return iter([(LENGTH, part.input_size)])
    if isinstance(part, nn.Linear):
        features = part.in_features
        return iter([(features or 8,), (LENGTH, features or 8)])
    if isinstance(part, nn.MultiheadAttention):
        return iter([(LENGTH, part.embed_dim)])
    rank = next((r for r in (1, 2, 3) if isinstance(part, _convolutions(r))), 0)
    if rank:
        channels = (part.in_channels,) if part.in_channels != lazy else (1, 3)
        sizes = itertools.chain(USUAL[: 11 if rank < 3 else 2], range(1, 65 if rank < 3 else 20))
        return ((c, *(n,) * rank) for n in sizes for c in channels)
    if isinstance(part, nn.modules.batchnorm._BatchNorm | nn.LayerNorm):
        shape = getattr(part, "normalized_shape", None) or (part.num_features,)
        return iter([tuple(shape), (*tuple(shape), 28, 28), (LENGTH, *shape)])
    return None


def _convolutions(rank: int) -> tuple[type, ...]:
    return getattr(torch.nn, f"Conv{rank}d"), getattr(torch.nn, f"ConvTranspose{rank}d")
