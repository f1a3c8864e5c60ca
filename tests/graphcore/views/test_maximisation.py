"""Activation maximisation finds a picture that excites a unit more than any training picture."""

from __future__ import annotations

import numpy as np
import pytest

from graphcore import datasets, presets
from graphcore.records.arrays import unpack
from graphcore.training.trainer import Trainer
from graphcore.views.maximisation.compute import NO_PICTURE, NO_UNIT, Search


def trained(name: str, data: str, steps: int) -> Trainer:
    graph = presets.load(name)
    trainer = Trainer(graph, datasets.load(data))
    for _ in trainer.steps(steps):
        pass
    return trainer


def test_above_the_best_training_picture_for_nine_of_ten_units() -> None:
    trainer = trained("mlp", "digits", 60)
    above, weights = 0, trainer.plan.flat.clone()
    for unit in range(10):
        search = Search(trainer, "fc1", unit)
        while search.done < 1:
            search.advance()
        frame = search.frame(0)
        x, _ = trainer.tensors(trainer.data.train)
        plan = trainer.looking_plan()
        w, b = (plan.parameters[f"fc1.{p}"][unit] for p in ("weight", "bias"))
        everyone = x.reshape(len(x), -1) @ w + b
        assert frame.best_activation == pytest.approx(float(everyone.max()), rel=1e-4)
        assert frame.index == int(everyone.argmax())
        image, best = unpack(frame.image), unpack(frame.best)
        there = float((image.reshape(-1) * w.numpy()).sum() + b)
        assert frame.activation == pytest.approx(there, rel=1e-3)
        assert 0 <= image.min() <= image.max() <= 1
        assert np.linalg.norm(image) <= np.linalg.norm(best) * 1.001
        above += frame.activation > frame.best_activation
    assert above >= 9
    assert bool((trainer.plan.flat == weights).all())  # nothing was trained


def test_a_feature_map_is_excited_and_what_has_none_is_said() -> None:
    trainer = trained("lenet5", "digits", 3)
    search = Search(trainer, "conv2", 3)
    while search.done < 1:
        search.advance()
    frame = search.frame(7)
    assert (frame.units, frame.number) == (16, 7)
    assert frame.activation > frame.best_activation
    assert Search(trainer, "conv2", 16).problem == "conv2 has the units 0 to 15."
    assert Search(trainer, "target", 0).problem == NO_UNIT
    assert Search(trainer, "loss", 0).problem == NO_UNIT
    circle = Trainer(presets.load("circle"), datasets.load("circle", options={"targets": "signs"}))
    assert Search(circle, "hidden1", 0).problem == NO_PICTURE
