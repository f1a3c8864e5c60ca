"""Where samples lie by a layer's values: the principal components, and what is told with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from graphcore import datasets, presets
from graphcore.records.arrays import unpack
from graphcore.training.trainer import Trainer
from graphcore.views.embedding.compute import SAMPLES, embed, principal_components


def test_the_components_are_scikit_learns() -> None:
    values = torch.randn(40, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    values *= torch.arange(1, 8)
    points, shares = principal_components(values)
    reference = PCA(2).fit(values.numpy())
    wanted = reference.transform(values.numpy())
    assert np.allclose(np.abs(points.numpy()), np.abs(wanted))
    assert np.allclose(shares, reference.explained_variance_ratio_)
    assert (points[points.abs().argmax(0), torch.arange(2)] > 0).all()


@pytest.mark.parametrize("shape", [(5, 1), (5, 2), (3, 100)])
def test_few_numbers_and_few_samples(shape: tuple[int, int]) -> None:
    points, shares = principal_components(torch.randn(shape, dtype=torch.float64))
    assert points.shape == (shape[0], 2)
    assert 0.99 <= sum(shares) + (0.0 if shape[1] <= 2 or shape[0] <= 3 else 1.0) <= 2.0


def test_equal_samples_lie_on_one_spot() -> None:
    points, shares = principal_components(torch.ones(4, 3, dtype=torch.float64))
    assert not points.any()
    assert shares == (0.0, 0.0)


def trained(name: str, steps: int, **options: object) -> Trainer:
    graph = presets.load(name)
    data = datasets.load(graph.training.dataset, options=options)
    trainer = Trainer(graph, data)
    list(trainer.steps(steps))
    return trainer


def test_a_layer_of_a_classifier() -> None:
    trainer = trained("circle", 300)
    frame = embed(trainer, "tanh1")
    n = min(SAMPLES, len(trainer.data.test))
    assert unpack(frame.points).shape == (n, 2)
    assert frame.size == 4
    assert 0 < sum(frame.shares) <= 1 + 1e-9
    assert frame.images is None
    assert set(unpack(frame.labels).tolist()) <= {-1, 0, 1}


def test_the_answer_is_taken_where_no_layer_is_named() -> None:
    trainer = trained("circle", 1)
    assert embed(trainer).node == trainer.binding.output


def test_what_has_no_value_for_each_sample_is_said() -> None:
    trainer = trained("circle", 1)
    assert "each sample" in embed(trainer, trainer.binding.loss).problem
    assert "nobody" in embed(trainer, "nobody").problem
