"""Every operator that lowers itself: its buffered form against its plain one, by being registered.

The kernels are made once and run twice, the second time over other numbers in the same tensors,
with what lay in the buffers before still in them.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from graphcore.engine.fast import kernel_trace
from graphcore.ops import OperatorClass, all_operators
from graphcore.ops.kernels.buffered import Kernels, move
from tests.graphcore.ops.oracle import Trial, label, trials

LAYOUTS = (torch.contiguous_format, torch.channels_last)


def lowered(trial: Trial, layout: Any, moving: bool = False) -> tuple[Kernels | None, list[Tensor]]:
    inputs = [t.clone().contiguous(memory_format=layout) if t.dim() == 4 else t.clone()
              for t in trial.inputs]  # fmt: skip
    context = trial.context()
    context.training |= trial.op.category == "pooling"  # lowered for its way back alone
    context.moving = tuple(moving for _ in inputs)
    return trial.op.lower(context, *inputs, **trial.attributes), inputs


LOWERED = [t for t in trials() if lowered(t, torch.contiguous_format)[0] is not None]


def test_the_layers_that_nets_are_made_of_are_lowered() -> None:
    found = {t.op.name for t in LOWERED}
    assert found >= {"Linear", "Conv2d", "MaxPool2d", "ReLU", "Flatten", "CrossEntropyLoss", "Add"}


BUFFERED = list(dict.fromkeys(trial.op for trial in LOWERED))


@pytest.mark.parametrize("moving", [False, True], ids=("in place", "moved"))
@pytest.mark.parametrize("op", BUFFERED, ids=lambda op: op.name)
def test_the_buffered_form_gives_the_same(op: OperatorClass, moving: bool) -> None:
    for trial in (t for t in LOWERED if t.op is op):
        for layout in LAYOUTS if any(x.dim() == 4 for x in trial.inputs) else LAYOUTS[:1]:
            assert_the_same(trial, layout, moving)


def assert_the_same(trial: Trial, layout: Any, moving: bool) -> None:
    kernels, inputs = lowered(trial, layout, moving)
    if kernels is None:
        return  # this one is not lowered for this layout
    for x in inputs:
        if moving:  # as an operator without a buffered form puts out what it has just made
            before = x.view_as(x)
            move(x, x.clone())
            before.zero_()
        if x.is_floating_point():
            x.mul_(0.75)
    other = Trial(trial.op, trial.case, trial.attributes, [x.clone() for x in inputs])
    g = other.output_gradients((kernels.output,))[0]
    (wanted,), wanted_grads = other.both(None, (g,))
    targets = [
        torch.full_like(x, float("nan")) if need else None
        for x, need in zip(inputs, trial.needs, strict=True)
    ]
    with torch.inference_mode():
        if kernels.forward is not None:
            kernels.forward()
        assert torch.allclose(kernels.output, wanted, rtol=1e-9, atol=1e-12), label(trial)
        if not trial.op.differentiable:
            return
        start = g.clone(memory_format=torch.preserve_format)
        run = kernels.backward(start, *targets)
        for _ in range(2):
            run()
    for target, wanted_gx in zip(targets, wanted_grads, strict=True):
        if target is not None:
            reference = torch.zeros_like(target) if wanted_gx is None else wanted_gx
            assert torch.allclose(target, reference, rtol=1e-9, atol=1e-12), label(trial)


STEADY = [op for op in all_operators() if op.steady]


def test_every_loss_is_steady() -> None:
    assert {op.name for op in all_operators() if op.category == "loss"} <= {
        op.name for op in STEADY
    }


@pytest.mark.skipif(not kernel_trace.is_possible(), reason="the kernel trace is switched off")
@pytest.mark.parametrize("op", STEADY, ids=lambda op: op.name)
def test_a_steady_operator_makes_the_same_calls_for_other_numbers(op: OperatorClass) -> None:
    """Calls noted with some numbers, repeated without Python, give the answer of others."""
    for trial in (t for t in LOWERED if t.op is op):
        kernels, inputs = lowered(trial, torch.contiguous_format)
        assert kernels is not None
        targets = [
            torch.zeros_like(x) if need else None
            for x, need in zip(inputs, trial.needs, strict=True)
        ]
        g = trial.output_gradients((kernels.output,))[0]
        with torch.inference_mode():
            closures = [kernels.forward, kernels.backward(g, *targets)]
            traced = kernel_trace.replayed([c for c in closures if c is not None])
            assert len(traced) == 1, label(trial)
            for x in inputs:
                if x.is_floating_point():
                    x.copy_(x.flip(0) if x.dim() else x * 0.75)
            traced[0]()
        other = Trial(trial.op, trial.case, trial.attributes, inputs)
        (wanted,), gradients = other.both(None, (g,))
        assert torch.allclose(kernels.output, wanted, rtol=1e-9, atol=1e-12), label(trial)
        for target, gx in zip(targets, gradients, strict=True):
            if target is not None:
                there = torch.zeros_like(target) if gx is None else gx
                assert torch.allclose(target, there, rtol=1e-9, atol=1e-12), label(trial)
