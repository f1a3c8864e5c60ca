"""Every preset that has something to learn trains on the data set that its settings name."""

from __future__ import annotations

import pytest

from graphcore import datasets, presets
from graphcore.graph.binding import learns
from graphcore.training.trainer import Trainer

TRAINABLE = tuple(n for n in presets.small() if learns(presets.load(n)))


def needs(name: str) -> list[pytest.MarkDecorator]:
    if presets.load(name).training.dataset != "mnist":
        return []
    absent = datasets.find_mnist() is None
    return [pytest.mark.mnist, pytest.mark.skipif(absent, reason="the MNIST files are not there")]


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs(n)) for n in TRAINABLE])
def test_the_loss_falls(name: str) -> None:
    graph = presets.load(name)
    s = graph.training
    data = datasets.load(
        s.dataset, options=s.dataset_options, normalization=s.normalization, seed=s.seed
    )
    assert data.note == ""
    trainer = Trainer(graph, data)
    before = trainer.evaluate(data.train, limit=200).loss
    for _ in trainer.steps(30):
        pass
    assert trainer.evaluate(data.train, limit=200).loss < before


def test_most_presets_are_trainable() -> None:
    # The others are sums to be followed by hand.
    assert set(presets.small()) - set(TRAINABLE) == {
        "expression", "perceptron", "chain", "micrograd",
    }  # fmt: skip
