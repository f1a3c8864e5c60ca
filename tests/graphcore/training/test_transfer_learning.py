"""Transfer learning: what was learned of some digits helps with the others."""

from __future__ import annotations

import msgspec
import pytest
import torch

import graphcore as gc
from graphcore import datasets, presets
from graphcore.errors import AttributeRefusedError
from graphcore.training.trainer import Trainer

mnist = pytest.mark.skipif(datasets.find_mnist() is None, reason="the MNIST files are not there")


def digits(chosen: str, samples: int) -> datasets.Dataset:
    return datasets.load("mnist", options={"only_classes": chosen, "train_samples": samples})


def first_layer(graph: gc.Graph) -> str:
    return next(n for n in graph.topological_order() if graph.node(n).parameter_inputs)


@pytest.mark.mnist
@mnist
def test_200_pictures_of_new_digits_are_learned_faster_by_a_net_that_knows_others() -> None:
    lenet = presets.load("lenet5")
    settings = msgspec.structs.replace(lenet.training, schedule="constant", lr=1e-3)
    first = Trainer(lenet, digits("0-4", 4000), settings)
    assert len(list(first.steps(150))) == 150
    few = digits("5-9", 200)
    kept = gc.replace_head(first, 5, few, settings=settings, unfreeze_from="fc1")
    scratch = gc.replace_head(lenet, 5, few, settings=settings, freeze=False)
    learned = first.plan.parameters["conv2.weight"].clone()
    found = {}
    for name, trainer in (("kept", kept), ("scratch", scratch)):
        assert len(list(trainer.steps(20))) == 20
        found[name] = trainer.evaluate(few.test, limit=1000).accuracy or 0.0
    assert torch.equal(kept.plan.parameters["conv2.weight"], learned), "it is frozen"
    assert not torch.equal(kept.plan.parameters["fc1.weight"], first.plan.parameters["fc1.weight"])
    assert found["kept"] > found["scratch"] + 0.05, found


@pytest.mark.parametrize(
    ("rule", "options"), [("SGD", {"momentum": 0.9, "weight_decay": 0.1}), ("AdamW", {})]
)
def test_a_layer_with_a_rate_of_its_own_learns_as_a_group_of_torch_does(
    rule: str, options: dict[str, float]
) -> None:
    graph, data = presets.load("mlp"), datasets.load("digits")
    first = first_layer(graph)
    settings = gc.TrainingSettings(
        dataset="digits", optimizer=rule, optimizer_options=options, lr=0.01, batch=32,
        rates={first: 0.1},
    )  # fmt: skip
    trainer = Trainer(graph, data, settings, dtype="float64")
    plan = gc.compile(trainer.graph, dtype="float64", mode="train", seed=settings.seed)
    slow = [f"{first}.weight", f"{first}.bias"]
    theirs = {n: torch.nn.Parameter(p.clone()) for n, p in plan.parameters.items()}
    groups = [
        {"params": [p for n, p in theirs.items() if (n in slow) is part], "lr": lr}
        for part, lr in ((True, 0.001), (False, 0.01))
    ]
    twin = getattr(torch.optim, rule)(groups, **options)
    for _ in range(20):
        feeds = trainer.next_feeds()
        for n, p in theirs.items():
            plan.parameters[n].copy_(p.detach())
        plan.forward(feeds, training=True)
        plan.backward(trainer.binding.loss)
        for n, p in theirs.items():
            p.grad = plan.gradients[n].clone()
        twin.step()
        trainer.train_steps(1)
    for n, p in theirs.items():
        torch.testing.assert_close(trainer.plan.parameters[n], p.detach(), rtol=1e-9, atol=1e-12)


def test_many_steps_at_once_keep_the_rates() -> None:
    settings = msgspec.structs.replace(
        presets.load("mlp").training, dataset="digits", batch=16,
        rates={first_layer(presets.load("mlp")): 0.25},
    )  # fmt: skip
    single, many = (
        Trainer(presets.load("mlp"), datasets.load("digits"), settings) for _ in range(2)
    )
    for _ in range(50):
        single.train_step()
    many.run(steps=50)
    torch.testing.assert_close(many.plan.flat, single.plan.flat, rtol=1e-4, atol=1e-5)


def test_a_factor_that_is_none_is_refused() -> None:
    settings = gc.TrainingSettings(dataset="digits", rates={"conv1": float("nan")})
    with pytest.raises(AttributeRefusedError, match="factor of conv1 takes a number"):
        Trainer(presets.load("mlp"), datasets.load("digits"), settings)
