"""The largest eigenvalue of the Hessian equals torch's, whichever sign the others have."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

import graphcore as gc
from graphcore import datasets, files, presets
from graphcore.engine.compiler import compile
from graphcore.session import messages as m
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.views.scheduler import Scheduler
from graphcore.views.sharpness import SharpnessFrame, SharpnessRequest
from graphcore.views.sharpness.compute import NO_LOSS, largest


def trainer_of(graph: gc.Graph) -> Trainer:
    options = graph.training.dataset_options
    return Trainer(graph, datasets.load_dataset(graph.training.dataset, **options))


def in_double(trainer: Trainer):
    plan = compile(trainer.graph, mode="train", **{**trainer.plan.made_for, "dtype": "float64"})
    plan.copy_state(trainer.plan)
    return plan


def by_torch(trainer: Trainer) -> np.ndarray:
    """All eigenvalues, in their order, by torch's own derivatives."""
    rows, graph, b = trainer.batches.at(trainer.step), trainer.graph, trainer.binding
    x = trainer.train_x.index_select(0, rows).double()
    t = trainer.train_t.index_select(0, rows)
    shapes = [(p.name, tuple(p.shape)) for p in trainer.plan.layout]
    first = torch.cat([trainer.plan.parameters[n].double().reshape(-1) for n, _ in shapes])
    kinds = {
        "Tanh": torch.tanh, "Mul": torch.mul, "Softplus": torch.nn.functional.softplus,
        "CrossEntropyLoss": torch.nn.functional.cross_entropy,
        "MSELoss": lambda y, t: torch.nn.functional.mse_loss(y, t.double().reshape(y.shape)),
    }  # fmt: skip

    def loss(flat: torch.Tensor) -> torch.Tensor:
        at, own, values = 0, {}, {b.input: x, b.target: t}
        for name, shape in shapes:
            count = int(np.prod(shape))
            own[name], at = flat[at : at + count].reshape(shape), at + count
        while b.loss not in values:
            for node in graph:
                edges = [e for e in graph.edges if e.target == node.name]
                if node.name in values or any(e.source not in values for e in edges):
                    continue
                given = [
                    values[e.source] for e in sorted(edges, key=lambda e: e.source == b.target)
                ]
                if node.operator == "Constant":
                    values[node.name] = torch.tensor(node.attributes["value"]).double()
                elif node.operator == "Linear":
                    weight, bias = own[f"{node.name}.weight"], own.get(f"{node.name}.bias")
                    values[node.name] = torch.nn.functional.linear(*given, weight, bias)
                else:
                    values[node.name] = kinds[node.operator](*given)
        return values[b.loss]

    hessian = torch.autograd.functional.hessian(loss, first.clone())
    return torch.linalg.eigvalsh(hessian).numpy()


def found(trainer: Trainer) -> tuple[float, float]:
    search = largest(trainer, in_double(trainer), trainer.step)
    while True:
        try:
            next(search)
        except StopIteration as end:
            return end.value[:2]


@pytest.mark.parametrize("steps", [0, 40])
@pytest.mark.parametrize("name", ["circle", "linear-regression", "xor"])
def test_the_largest_eigenvalue_is_that_of_the_whole_hessian(name: str, steps: int) -> None:
    trainer = trainer_of(presets.load(name))
    for _ in range(steps):
        trainer.train_step()
    wanted = by_torch(trainer)[-1]
    value, error = found(trainer)
    assert value == pytest.approx(wanted, rel=1e-3)
    assert error <= 1e-4


def test_it_is_the_largest_not_the_one_that_is_largest_in_size() -> None:
    """A saddle: answers far on the wrong side bend the loss down more than up."""
    graph = presets.load("circle")
    trainer = trainer_of(graph)
    with torch.inference_mode():
        trainer.plan.flat.mul_(4.0)
    below, above = by_torch(trainer)[[0, -1]]
    for factor in (1.5, 2.0, 3.0, 5.0):
        if -below > above:
            break
        with torch.inference_mode():
            trainer.plan.flat.mul_(-factor)
        below, above = by_torch(trainer)[[0, -1]]
    assert -below > above > 0, "the case is one"
    assert found(trainer)[0] == pytest.approx(above, rel=1e-3)


def test_nothing_of_the_run_depends_on_it() -> None:
    one, other = trainer_of(presets.load("circle")), trainer_of(presets.load("circle"))
    for trainer in (one, other):
        trainer.train_step()
    found(one)
    assert one.train_step() == other.train_step()
    assert torch.equal(one.plan.flat, other.plan.flat)


def served(graph: gc.Graph) -> tuple[Session, Scheduler, list]:
    said: list = []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(graph)))
    scheduler = Scheduler(session)
    scheduler.take(SharpnessRequest())
    return session, scheduler, said


def frames(said: list) -> list[SharpnessFrame]:
    return [reply for reply in said if isinstance(reply, SharpnessFrame)]


def test_a_run_that_was_recorded_before_one_looked_has_its_history() -> None:
    graph = presets.load("circle")
    graph.set_training(msgspec.structs.replace(graph.training, optimizer="SGD", lr=0.1))
    session, scheduler, said = served(graph)
    session.run(m.Run(60))
    while session.running:
        session.work()
    while scheduler.has_work():
        scheduler.work()
    first, *_, last = frames(said)
    assert first.step == last.step == 60
    assert len(last.points) > len(first.points) == 1
    assert [p.step for p in last.points] == sorted(p.step for p in last.points)
    assert last.points[0].step == 0
    assert {p.limit for p in last.points} == {20.0}


def test_the_limit_follows_the_schedule() -> None:
    graph = presets.load("circle")
    changed = {"schedule": "onecycle", "lr": 0.1, "epochs": 4}
    graph.set_training(msgspec.structs.replace(graph.training, **changed))
    trainer = trainer_of(graph)
    taken = []
    trainer.on_step(lambda record: taken.append(record.lr))
    trainer.run(steps=20)
    assert len(set(taken)) > 10
    told = [trainer.scheduled(0.1, step) for step in range(20)]
    assert told == pytest.approx(taken)
    assert trainer.current_lr() == pytest.approx(trainer.scheduled(0.1, 20))


def test_a_net_without_a_loss_says_so() -> None:
    graph = presets.load("circle")
    graph.remove(next(n.name for n in graph if n.op.category == "loss"))
    _, scheduler, said = served(graph)
    while scheduler.has_work():
        scheduler.work()
    assert [f.problem for f in frames(said)] == [NO_LOSS]
