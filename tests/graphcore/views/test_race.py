"""Runners start alike, see the same data, and differ in one thing."""

from __future__ import annotations

import pytest
import torch

from graphcore import datasets, presets
from graphcore.views.race import RATES, RaceRequest, entrants
from graphcore.views.race.compute import race
from graphcore.views.race.runners import Runner, runners


def made(what: str, preset: str = "mlp") -> list[Runner]:
    graph = presets.load(preset)
    return runners(graph, datasets.load("digits"), graph.training, entrants(graph.training, what))


def test_all_start_from_the_same_weights_and_batches() -> None:
    field = made("optimizer")
    assert len({r.name for r in field}) == len(field) == 7
    first = field[0].trainer
    for runner in field[1:]:
        assert torch.equal(runner.trainer.plan.flat, first.plan.flat)
        assert torch.equal(runner.trainer.next_rows(), first.next_rows())
    for runner in field:
        runner.step()
    losses = [r.points[0][1] for r in field]
    assert losses == pytest.approx([losses[0]] * len(losses))
    assert len({round(float(r.trainer.plan.flat.sum()), 4) for r in field}) > 3


def test_rates_and_batches_differ() -> None:
    lr = presets.load("mlp").training.lr
    assert [r.trainer.settings.lr for r in made("lr")] == pytest.approx([lr * f for f in RATES])
    assert len({r.trainer.settings.batch for r in made("batch")}) == 5


class Session:
    def __init__(self, trainer: object) -> None:
        self.trainer, self.device = trainer, "cpu"


def test_all_see_as_many_samples_and_one_that_falls_is_named() -> None:
    trainer = made("lr")[2].trainer
    trainer.settings = trainer.settings.__class__(
        dataset="digits", optimizer="SGD", lr=1e28, batch=32
    )
    frames = list(race(Session(trainer), RaceRequest("lr", 20)))
    assert frames[-1].done == 1.0
    assert frames[-1].fallen
    counts = {n: sum(len(f.samples[i].data) for f in frames) // 8
              for i, n in enumerate(frames[0].names)}  # fmt: skip
    whole = [c for n, c in counts.items() if n not in frames[-1].fallen]
    assert set(whole) <= {20}
