"""Histograms hold every number of the running step."""

import numpy as np
import pytest

from graphcore import datasets, presets
from graphcore.records.arrays import unpack
from graphcore.training.trainer import Trainer
from graphcore.views.histograms.compute import spread


def test_weights_gradient_update_and_activation_are_counted() -> None:
    made = Trainer(presets.load("mlp"), datasets.load("digits"))
    assert spread(made, "fc2").gradient is None
    made.train_step(record=True)
    frame = spread(made, "fc2")
    for part, wanted in ((frame.weights, made.plan.parameters["fc2.weight"]),
                         (frame.gradient, made.plan.gradients["fc2.weight"])):  # fmt: skip
        assert part is not None
        counts, edges = unpack(part.counts), unpack(part.edges)
        assert counts.sum() == wanted.numel()
        assert edges[0] == pytest.approx(float(wanted.min()))
        assert edges[-1] == pytest.approx(float(wanted.max()))
    assert frame.update is not None
    assert np.abs(unpack(frame.update.edges)).max() < 0.1
    assert frame.activation is not None
    assert unpack(frame.activation.counts).sum() == 16 * 16
    assert spread(made, "relu1").weights is None
    assert spread(made, "target").activation is None
