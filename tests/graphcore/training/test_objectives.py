"""Several losses in one graph, each with its own parameters and optimiser."""

import msgspec
import numpy as np
import pytest
import torch
from torch.nn import functional

import graphcore as gc
from graphcore import datasets, files, presets
from graphcore.errors import GraphError
from graphcore.graph.training_settings import Objective, TrainingSettings
from graphcore.training.trainer import Trainer

TWO = (
    Objective(loss="first", nodes=("a",)),
    Objective(loss="second", nodes=("b",), optimizer="SGD", lr=0.1),
)


def tug(objectives: tuple[Objective, ...] = TWO, **training: object) -> gc.Graph:
    """y = b(a(x)): one loss wants y² small and moves a, the other (y - 1)² and moves b."""
    g = gc.Graph()
    g.add("Input", name="x", shape=(2,))
    g.add("Linear", name="a", out_features=3)
    g.add("Linear", name="b", out_features=1)
    g.add("Constant", name="one", value=1.0)
    for name, operator in (("less", "Sub"), ("square", "Mul"), ("square2", "Mul"),
                           ("first", "Mean"), ("second", "Mean")):  # fmt: skip
        g.add(operator, name=name)
    for source, target in (
        ("x", "a"), ("a", "b"), ("b", "less"), ("one", "less"), ("b", "square"), ("b", "square"),
        ("less", "square2"), ("less", "square2"), ("square", "first"), ("square2", "second"),
    ):  # fmt: skip
        g.connect(source, target)
    g.set_training(TrainingSettings(dataset="gauss", batch=16, objectives=objectives, **training))
    return g


def data() -> datasets.Dataset:
    return datasets.load("gauss", options={"samples": 60}, seed=1)


def test_twenty_steps_equal_two_torch_optimisers_in_turn() -> None:
    trainer = Trainer(tug(lr=0.01), data(), dtype="float64")
    p = {k: v.clone().requires_grad_() for k, v in trainer.plan.parameters.items()}
    adam = torch.optim.Adam([p["a.weight"], p["a.bias"]], lr=0.01)
    sgd = torch.optim.SGD([p["b.weight"], p["b.bias"]], lr=0.1)
    for _ in range(20):
        x = trainer.train_x[trainer.next_rows()]
        said = []
        for optimizer, wanted in ((adam, 0.0), (sgd, 1.0)):
            h = functional.linear(x, p["a.weight"], p["a.bias"])
            loss = ((functional.linear(h, p["b.weight"], p["b.bias"]) - wanted) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            said.append(loss.item())
        assert trainer.train_step().losses == pytest.approx(said, rel=1e-9)
    for key, mine in trainer.plan.parameters.items():
        torch.testing.assert_close(mine, p[key].detach(), rtol=1e-9, atol=1e-12)


def test_a_run_of_two_losses_resumes_bit_for_bit() -> None:
    whole, first, second = (Trainer(tug(), data()) for _ in range(3))
    list(whole.steps(10))
    list(first.steps(4))
    second.load_state(first.state(), first.step, first.lr)
    list(second.steps(6))
    assert torch.equal(whole.plan.flat, second.plan.flat)


def test_the_gan_finds_both_clouds() -> None:
    g = presets.load("gan-2d")
    s = g.training
    trainer = Trainer(
        g, datasets.load(s.dataset, options=s.dataset_options, seed=0),
        msgspec.structs.replace(s, epochs=500),
    )  # fmt: skip
    for record in trainer.steps():
        assert len(record.losses) == 2
    plan = trainer.evaluation_plan()
    plan.forward({"x": np.zeros((1000, 2))})
    made = plan.value("fake")
    for cloud in (2.0, -2.0):
        share = float(((made - cloud).norm(dim=1) < 2).double().mean())
        assert 0.25 < share < 0.75


def test_names_follow_and_the_file_keeps_them() -> None:
    g = tug()
    g.rename("first", "pull")
    g.rename("a", "front")
    assert g.training.objectives[0] == Objective(loss="pull", nodes=("front",))
    assert files.loads(files.dumps(g)).training == g.training


@pytest.mark.parametrize(
    ("objectives", "sentence"),
    [
        ((Objective(loss="nobody"),), "names the node 'nobody'"),
        (TWO[:1], r"No objective trains b\.weight"),
    ],
)
def test_objectives_that_do_not_fit_are_refused(objectives, sentence: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(GraphError, match=sentence):
        Trainer(tug(objectives), data())


def test_the_rest_goes_to_the_objective_without_names() -> None:
    trainer = Trainer(tug((Objective(loss="first"), TWO[1])), data())
    assert [g.end - g.start for g in trainer.groups] == [9, 4]
