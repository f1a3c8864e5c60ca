"""Operators that say so work row by row: the first rows need only the first rows."""

from __future__ import annotations

import pytest
import torch

from tests.graphcore.ops.oracle import Trial, label, trials

ROWWISE = [t for t in trials() if t.op.rowwise and t.inputs[0].dim() and len(t.inputs[0]) > 1]


def test_the_layers_of_image_nets_are_among_them() -> None:
    assert {t.op.name for t in ROWWISE} >= {"Conv2d", "MaxPool2d", "AvgPool2d", "ReLU", "Tanh"}


@pytest.mark.parametrize("trial", ROWWISE, ids=label)
def test_the_first_row_is_computed_from_the_first_row(trial: Trial) -> None:
    found = []
    with torch.inference_mode():
        for x in (trial.inputs[0], trial.inputs[0][:1]):
            inputs, context = [x, *trial.inputs[1:]], trial.context()
            y = trial.op.run_forward(context, inputs, trial.attributes)
            g = trial.op.run_vjp(context, torch.ones_like(y), y, inputs, trial.attributes)[0]
            found.append((y[:1], g[:1]))
    for whole, alone in zip(*found, strict=True):
        assert torch.allclose(whole, alone, rtol=1e-12, atol=1e-14)
