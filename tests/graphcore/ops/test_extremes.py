"""Infinity, NaN, zero and the ends of the range: every operator answers as torch does.

One number of an input or of the gradient that arrives is extreme, the rest are ordinary. Where ours
differs on purpose, the operator's help says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import graphcore as gc
from graphcore.errors import GradscapeError
from graphcore.ops import OperatorClass, all_operators
from tests.graphcore.ops.oracle import Trial, trials

EXTREMES = (math.nan, math.inf, -math.inf, 0.0, -0.0, 1e300, -1e300, 5e-324, -5e-324, 1.0, -1.0)
SUMMED = {"attention", "convolution", "recurrent", "normalization"}
"""Categories that sum many products in an order of their own: which of them meet differs."""
OURS = {
    "Softsign": "the gradient at infinity is 0",
    "BCELoss": "the target's gradient is held as the logarithms are",
    "KLDivLoss": "the target's gradient is 0",
    "CrossEntropyLoss": "a gradient that is infinite times (p − t), not a difference of infinities",
}
"""Where torch gives NaN or infinity for want of a better formula."""
ARTIFICIAL = {"BinaryStep", "Formula", "Hold", "RandomNormalLike", "Einsum"}
"""Their references multiply by 0, or multiply in another order."""
OPERATORS = [
    op for op in all_operators()
    if op.category not in SUMMED and op.name not in ARTIFICIAL and op.cases()
]  # fmt: skip


def extremes(op: OperatorClass) -> Iterator[tuple[str, Trial, tuple[Tensor, ...]]]:
    """Each case with an extreme number in each of its inputs, and in the gradient of its output."""
    chance = torch.Generator().manual_seed(0)
    for trial in trials():
        if trial.op is not op or trial.case.reference is None:
            continue
        for value in EXTREMES:
            for place in range(len(trial.inputs) + 1):
                copy = Trial(op, trial.case, trial.attributes, [x.clone() for x in trial.inputs])
                changed = copy.inputs[place] if place < len(copy.inputs) else None
                if changed is not None and changed.is_floating_point() and changed.numel():
                    changed[at(changed, chance)] = value
                try:
                    g = tuple(torch.ones_like(y) for y in copy.forward())
                except GradscapeError:
                    continue
                if changed is None and g[0].is_floating_point() and g[0].numel():
                    g[0][at(g[0], chance)] = value
                yield f"{value} in {'g' if changed is None else place}", copy, g


def at(x: Tensor, chance: torch.Generator) -> tuple[int, ...]:
    return tuple(int(torch.randint(n, (), generator=chance)) for n in x.shape)


def alike(found: Tensor | None, wanted: Tensor) -> bool:
    found = torch.zeros_like(wanted) if found is None else found
    return torch.allclose(found, wanted, rtol=1e-7, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.name)
def test_extreme_numbers_are_answered_as_by_torch(op: OperatorClass) -> None:
    for what, trial, g in extremes(op):
        outputs, found = trial.both(None, g)
        wanted, wanted_grads = trial.reference(g)
        assert all(map(alike, outputs, wanted)), what
        floats = [gx for gx, need in zip(found, trial.needs, strict=True) if need]
        if op.name not in OURS:
            assert all(map(alike, floats, wanted_grads)), what
        lowered = buffered(trial, g)
        if lowered is not None:
            assert alike(lowered[0], wanted[0]), f"{what}, buffered"
            for mine, plain, right in zip(lowered[1:], floats, wanted_grads, strict=True):
                assert alike(mine, right) or (op.name in OURS and alike(plain, mine)), what


def buffered(trial: Trial, g: tuple[Tensor, ...]) -> list[Tensor] | None:
    """The output and the gradients of the buffered form; None where there is none."""
    context = trial.context()
    context.moving = tuple(False for _ in trial.inputs)
    with torch.inference_mode():
        kernels = trial.op.lower(context, *trial.inputs, **trial.attributes)
        if kernels is None:
            return None
        if kernels.forward is not None:
            kernels.forward()
        needs = trial.needs
        targets = [
            torch.empty_like(x) if n else None for x, n in zip(trial.inputs, needs, strict=True)
        ]
        start = g[0].clone(memory_format=torch.preserve_format)
        kernels.backward(start, *targets)()
    return [kernels.output, *(t for t in targets if t is not None)]


@pytest.mark.parametrize("name", OURS)
def test_the_help_says_where_an_answer_is_our_own(name: str) -> None:
    assert "torch" in str(gc.ops.get(name).__doc__).split("Gradient:")[1].split("Source:")[0]


def test_what_is_clipped_has_no_gradient_even_below_a_root() -> None:
    graph = gc.Graph()
    x = graph.add("Input", name="x", shape=(2,), batch=False)
    clip = graph.add("Clip", name="clip", min=0.0, max=None)
    root, total = graph.add("Sqrt", name="root"), graph.add("Sum", name="J")
    graph.connect(x, clip)
    graph.connect(clip, root)
    graph.connect(root, total)
    for mode in ("inspect", "record"):
        plan = gc.compile(graph, mode=mode)
        plan.forward({"x": [-1.0, 4.0]})
        plan.backward("J")
        gradient = plan.grad("x")
        assert gradient is not None
        assert gradient.tolist() == [0, 0.25][: len(gradient)]  # record: the first alone
