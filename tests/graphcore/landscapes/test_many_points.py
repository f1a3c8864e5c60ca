"""Many points of a surface at once give the losses that one point after the other gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphcore import datasets, presets
from graphcore.landscapes.first_layers import FirstLayers, PointByPoint
from graphcore.landscapes.many_points import ManyPoints
from graphcore.landscapes.planes import random_plane
from graphcore.landscapes.surface import Surface
from graphcore.training.trainer import Trainer


@pytest.mark.parametrize(
    "name", ["mlp", "circle", "xor", "linear-regression", "vanishing", "nielsen"]
)
def test_points_of_a_row_are_those_of_a_loop(name: str) -> None:
    graph = presets.load(name)
    s = graph.training
    data = datasets.load(
        s.dataset, options=s.dataset_options, normalization=s.normalization, seed=s.seed
    )
    trainer = Trainer(graph, data, dtype="float64")
    plan, binding = trainer.evaluation_plan(), trainer.binding
    x, t = trainer.tensors(data.test, 40)
    feeds = {binding.input: x, binding.target: t}
    plane = random_plane(trainer.plan, seed=4)
    a = torch.linspace(-1, 1, 7, dtype=torch.float64)
    points = ManyPoints(FirstLayers(plan, plane, feeds), binding.loss)
    assert points.helps
    many = points.losses(a, torch.full_like(a, 0.3))
    for at, found in zip(a, many, strict=True):
        with torch.inference_mode():
            plan.flat.copy_(plane.at(float(at), 0.3))
        plan.forward(feeds)
        assert float(found) == pytest.approx(float(plan.value(binding.loss).mean()), rel=1e-10)


def test_a_surface_holds_the_loss_of_the_weights_themselves_in_the_middle() -> None:
    graph = presets.load("circle")
    s = graph.training
    data = datasets.load(
        s.dataset, options=s.dataset_options, normalization=s.normalization, seed=s.seed
    )
    trainer = Trainer(graph, data)
    for _ in trainer.steps(30):
        pass
    binding = trainer.binding
    x, t = trainer.tensors(data.test)
    plane = random_plane(trainer.plan)
    surface = Surface(
        trainer.evaluation_plan(), plane, {binding.input: x, binding.target: t}, binding.loss,
        (-1, 1, -1, 1), 9,
    )  # fmt: skip
    assert surface.work(60.0)
    assert np.isfinite(surface.values).all()
    score = trainer.evaluate(data.test)
    assert surface.values[4, 4] == pytest.approx(score.loss, rel=1e-4)


@pytest.mark.parametrize("name", ["lenet5", "tiny-conv", "resnet8"])
def test_first_convolutions_combined_give_the_losses_of_the_whole_net(name: str) -> None:
    graph = presets.load(name)
    s = graph.training
    data = datasets.load(s.dataset, options=s.dataset_options, seed=s.seed)
    trainer = Trainer(graph, data, dtype="float64")
    plan, binding = trainer.evaluation_plan(), trainer.binding
    x, t = trainer.tensors(data.test, 20)
    feeds = {binding.input: x, binding.target: t}
    plane = random_plane(trainer.plan, seed=4)
    first = FirstLayers(plan, plane, feeds)
    assert first.convolve
    points = PointByPoint(first, binding.loss)
    for a, b in ((0.0, 0.0), (0.7, 0.3), (-0.4, 0.3), (0.7, -1.0)):
        with torch.inference_mode():
            plan.flat.copy_(plane.at(a, b))
        found = points.loss_at(a, b)
        plan.forward(feeds)
        assert found == pytest.approx(float(plan.value(binding.loss).mean()), rel=1e-10)


@pytest.mark.parametrize("part", [(0, 1), (1, 2)])
def test_every_point_of_a_surface_has_the_loss_of_its_own_place(part: tuple[int, int]) -> None:
    """Also where points of several rows are computed together."""
    graph = presets.load("xor")
    trainer = Trainer(graph, datasets.load("xor4"))
    plan, binding = trainer.evaluation_plan(), trainer.binding
    x, t = trainer.tensors(trainer.data.test)
    feeds = {binding.input: x, binding.target: t}
    plane = random_plane(trainer.plan, seed=2)
    surface = Surface(plan, plane, feeds, binding.loss, (-1, 1, -0.5, 2), 9, part)
    assert surface.work(60.0)
    for i, b in enumerate(surface.b):
        for j, a in enumerate(surface.a):
            if i % part[1] != part[0]:
                assert np.isnan(surface.values[i, j])
                continue
            with torch.inference_mode():
                plan.flat.copy_(plane.at(float(a), float(b)))
            plan.forward(feeds)
            wanted = float(plan.value(binding.loss).mean())
            assert surface.values[i, j] == pytest.approx(wanted, rel=1e-4)
