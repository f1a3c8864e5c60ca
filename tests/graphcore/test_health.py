"""The doctor's figures against autograd and the published ratios; every finding can be had."""

from __future__ import annotations

import msgspec
import pytest
import torch

import graphcore as gc
from graphcore import datasets, presets
from graphcore.health import examine
from graphcore.layer_list import parse_layers
from graphcore.training import Trainer


def trainer(preset: str, **training: object) -> Trainer:
    graph = presets.load(preset)
    graph.training = msgspec.structs.replace(graph.training, dataset="digits", **training)
    return Trainer(graph, datasets.load("digits"))


def kinds(made: Trainer) -> set[str]:
    return {f.remedy for f in examine(made).findings}


def test_deep_sigmoids_vanish_and_he_initialised_relus_do_not() -> None:
    """The ratios measured on MNIST are about 3e-6 and 0.5; digits are near."""
    sick, well = examine(trainer("vanishing")), examine(trainer("vanishing-relu"))
    assert sick.ratio is not None
    assert well.ratio is not None
    assert 3e-7 < sick.ratio < 3e-5
    assert 0.1 < well.ratio < 3
    assert [f.remedy for f in sick.findings] == ["relu"]
    assert "vanishes" in sick.findings[0].sentence
    assert not well.findings


def test_gradients_are_those_of_autograd() -> None:
    made = trainer("mlp")
    frame = examine(made)
    p = {k: v.clone().requires_grad_() for k, v in made.plan.parameters.items()}
    x, t = made.tensors(made.data.train, 200)
    h = x.flatten(1)
    for name in ("fc1", "fc2"):
        h = torch.relu(torch.nn.functional.linear(h, p[f"{name}.weight"], p[f"{name}.bias"]))
    y = torch.nn.functional.linear(h, p["logits.weight"], p["logits.bias"])
    torch.nn.functional.cross_entropy(y, t).backward()
    for layer in frame.layers:
        grad = p[layer.name].grad
        assert grad is not None
        assert layer.gradient == pytest.approx(float(grad.square().mean().sqrt()), rel=1e-4)


def test_dead_and_saturated_units_are_counted() -> None:
    made = trainer("mlp")
    with torch.inference_mode():
        made.plan.parameters["fc1.bias"][:12] = -1e6
    frame = examine(made)
    assert next(u.dead for u in frame.units if u.node == "relu1") >= 0.75
    assert "leaky" in {f.remedy for f in frame.findings}
    graph = parse_layers("2-8-tanh-2")
    graph.set_training(gc.TrainingSettings(dataset="circle"))
    flat = Trainer(graph, datasets.load("circle"))
    with torch.inference_mode():
        for name, value in flat.plan.parameters.items():
            value.mul_(1000 if name.endswith("weight") and value.shape[0] == 8 else 1)
    assert "xavier" in kinds(flat)


def test_steps_that_are_too_large_or_too_small_are_said() -> None:
    assert "slower" in kinds(trainer("mlp", optimizer="Adam", lr=1.0))
    assert "faster" in kinds(trainer("mlp", optimizer="SGD", optimizer_options={}, lr=1e-9))


def test_steps_that_a_schedule_makes_small_are_nothing_wrong() -> None:
    ended = trainer("mlp", optimizer="SGD", optimizer_options={}, lr=0.01, schedule="cosine")
    ended.step = ended.total_steps
    assert ended.current_lr() < 1e-8
    assert "faster" not in kinds(ended)


def test_an_exploding_gradient_is_said() -> None:
    made = trainer("mlp")
    with torch.inference_mode():
        made.plan.parameters["fc2.weight"].mul_(1e5)
    assert "clip" in kinds(made)


def test_a_net_whose_numbers_overflow_is_not_called_healthy() -> None:
    made = trainer("mlp")
    made.plan.flat.fill_(1e38)
    found = examine(made).findings[0]
    assert found.remedy == "again"
    assert "NaN or infinite" in found.sentence
