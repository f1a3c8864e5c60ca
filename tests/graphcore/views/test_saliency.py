"""Saliency and Grad-CAM against autograd; the nudge changes the answer, half of it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphcore import datasets, presets
from graphcore.records.arrays import unpack
from graphcore.training.sample import Sample
from graphcore.training.trainer import Trainer
from graphcore.views.saliency.compute import attribute


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    made = Trainer(presets.load("tiny-conv"), datasets.load("digits"))
    list(made.steps(80))
    return made


def answer(trainer: Trainer, image: np.ndarray) -> torch.Tensor:
    plan = trainer.evaluation_plan()
    x, t = trainer.tensors(trainer.data.test, 1)
    plan.forward(trainer.binding.feeds(torch.from_numpy(np.array(image)).reshape(x.shape), t))
    return plan.value(trainer.binding.output)


def test_saliency_is_the_gradient_of_the_answers_score(trainer: Trainer) -> None:
    frame = attribute(trainer, Sample(3))
    image, found = unpack(frame.image), unpack(frame.saliency)
    best = int(answer(trainer, image).argmax())
    y, x = np.unravel_index(np.abs(found[0]).argmax(), found[0].shape)
    step = 1e-2
    up, down = image.copy(), image.copy()
    up[0, y, x] += step
    down[0, y, x] -= step
    slope = float(answer(trainer, up)[0, best] - answer(trainer, down)[0, best]) / (2 * step)
    assert slope == pytest.approx(float(found[0, y, x]), rel=0.05)


def test_the_nudge_is_just_large_enough(trainer: Trainer) -> None:
    frame = attribute(trainer, Sample(3))
    image, nudged = unpack(frame.image), unpack(frame.nudged)
    assert frame.new_answer != frame.answer
    assert int(answer(trainer, nudged).argmax()) != int(answer(trainer, image).argmax())
    half = image + (nudged - image) * 0.9
    assert int(answer(trainer, half).argmax()) == int(answer(trainer, image).argmax())
    assert float(np.abs(nudged - image).max()) == pytest.approx(frame.size, rel=1e-4)


def test_grad_cam_weighs_the_maps(trainer: Trainer) -> None:
    frame = attribute(trainer, Sample(3))
    assert len(frame.convolutions) == 2
    assert frame.node == frame.convolutions[-1]
    cam = unpack(frame.cam)
    assert cam.shape == unpack(frame.image).shape[1:]
    assert cam.min() >= 0
    assert cam.max() == pytest.approx(1) or cam.max() == 0
    plan = trainer.looking_plan()
    x, t = trainer.tensors(trainer.data.test)
    plan.forward(trainer.binding.feeds(x[3:4], t[3:4]))
    scores = plan.value(trainer.binding.output)
    plan.backward(trainer.binding.output, grad=torch.eye(10)[scores.argmax(1)])
    maps, g = plan.value(frame.node)[0], plan.grad(frame.node)[0]
    small = torch.relu((g.mean((1, 2))[:, None, None] * maps).sum(0))
    large = torch.nn.functional.interpolate(small[None, None], cam.shape, mode="bilinear")[0, 0]
    np.testing.assert_allclose(cam, (large / large.max().clamp(min=1e-30)).numpy(), atol=1e-5)


def test_nets_without_pictures_or_classes_are_told(trainer: Trainer) -> None:
    circle = Trainer(presets.load("circle"), datasets.load("circle", options={"targets": "signs"}))
    assert "pictures" in attribute(circle, Sample()).problem
    flat = Trainer(presets.load("mlp"), datasets.load("digits"))
    frame = attribute(flat, Sample())
    assert frame.cam is None
    assert frame.saliency is not None
