"""Facts of training: how far it is, how good the net became, and which runs were made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np

from graphcore import files
from graphcore.engine.principal_axes import principal_axes
from graphcore.errors import LessonError
from graphcore.graph.difference import same_net
from graphcore.late import torch
from graphcore.lessons.facts.graph import as_value
from graphcore.lessons.functions import fact
from graphcore.lessons.state import State
from graphcore.records.epoch_count import epochs_done
from graphcore.records.score import Score
from graphcore.runs.runs import Run

Part = Literal["test", "train", "validation"]
What = Literal["accuracy", "test_loss", "loss", "epochs"]


@fact
def accuracy(state: State, split: Part = "test") -> float:
    """Share of right answers on a split, 0 to 1, with the weights of the moment.

    Example: accuracy("test") >= 0.97
    """
    found = _score(state, split).accuracy
    if found is None:
        raise LessonError("This net answers with values: none is right or wrong.")
    return found


@fact
def loss(state: State, split: Part = "test") -> float:
    """Mean loss per sample on a split with the weights of the moment."""
    return _score(state, split).loss


@fact
def step(state: State) -> float:
    """Updates made so far; 0 for a graph that is not trained."""
    return float(state.session.trainer.step if state.session.trainer else 0)


@fact
def epoch(state: State) -> float:
    """Whole epochs done; 0 for a graph that is not trained."""
    return float(state.session.trainer.epoch if state.session.trainer else 0)


@fact
def fresh_epoch(state: State) -> float:
    """Whole epochs since a start with net, data and settings of now; 0 if they changed on the way.

    A change keeps what fits of the weights, and the epochs: this tells whether one began again.
    More epochs to train are no change. Example: has("GRU") == 1 and fresh_epoch() >= 8
    """
    runs = state.session.runs
    run = runs.current
    while run is not None and run.begun_at:
        before = runs.all.get(run.parent or 0)
        if run.by_hand or before is None or not _alike(run, before):
            return 0.0
        run = before
    return float(epoch(state))


@fact
def stopped_early(state: State) -> bool:
    """Whether training ended because the loss no longer fell."""
    return bool(state.trainer.early_stop)


@fact
def best_epoch(state: State) -> float:
    """The epoch after which the test loss of this run was smallest."""
    return _best(state)[0]


@fact
def best_loss(state: State) -> float:
    """The smallest test loss of this run, of those taken at the ends of epochs."""
    return _best(state)[1]


@fact
def runs(state: State) -> float:
    """How many runs have trained since the lesson began."""
    return float(len(list(state.runs)))


@fact
def tried(state: State, setting: str, value: str | float) -> float:
    """How many runs trained for an epoch or more with a setting at a value.

    Example: tried("lr", 10) and tried("optimizer", "Adam")
    """
    return float(len(list(_runs_with(state, setting, value))))


@fact
def result(state: State, setting: str, value: str | float, what: What = "accuracy") -> float:
    """What the newest run with a setting at a value came to, at its last test.

    ``what`` is "accuracy", "test_loss", "loss" (of the last training steps) or "epochs".
    Example: result("optimizer", "Adam", "test_loss") < result("optimizer", "SGD", "test_loss")
    """
    found = list(_runs_with(state, setting, value))
    if not found:
        raise LessonError(f"No run has trained with {setting} at {value} yet.")
    run = found[-1]
    if what == "loss":
        return run.curves.last_loss or 0.0
    test = next((t for t in reversed(run.curves.tests) if t.whole), None)
    if test is None:
        raise LessonError(f"The run with {setting} at {value} has no test yet: train an epoch.")
    if what == "epochs":
        return float(sum(t.whole for t in run.curves.tests))
    return (test.accuracy or 0.0) if what == "accuracy" else test.loss


@fact
def roughness(state: State, setting: str = "", value: str | float = "") -> float:
    """How much the loss jumps from step to step: mean size of the jump over the mean loss.

    Over the last 200 steps of this run, or of the newest run with a setting at a value.
    """
    run = state.session.runs.current
    if setting:
        run = next(reversed(list(_runs_with(state, setting, value))), None)
    if run is None or len(run.curves.rows) < 3:
        raise LessonError("There are no steps to look at yet: train first.")
    losses = torch.as_tensor(run.curves.rows[-200:, 2])
    return float((losses[1:] - losses[:-1]).abs().mean() / losses.mean().abs().clamp_min(1e-12))


@fact
def path_share(state: State) -> float:
    """Share of the variance of the path of the weights that its two main directions hold."""
    run = state.session.runs.current
    if run is None or len(run.timeline.moments) < 3:
        raise LessonError("The path is too short: train first.")
    return sum(principal_axes(_path(run)).shares)


@fact
def path_share_random(state: State, seed: int = 0) -> float:
    """Share of the variance of the path of the weights that two random directions hold."""
    run = state.session.runs.current
    if run is None or len(run.timeline.moments) < 3:
        raise LessonError("The path is too short: train first.")
    path = _path(run).double()
    centred = path - path.mean(0)
    generator = torch.Generator().manual_seed(seed)
    axes = torch.randn(path.shape[1], 2, generator=generator, dtype=torch.float64)
    axes, _ = torch.linalg.qr(axes)
    return float((centred @ axes).square().sum() / centred.square().sum().clamp_min(1e-30))


def _alike(one: Run, other: Run) -> bool:
    """Whether two runs train the same net alike, whatever their number of epochs."""
    same = msgspec.structs.replace(one.settings, epochs=other.settings.epochs) == other.settings
    return same and same_net(files.loads(one.graph), files.loads(other.graph))


def _path(run: Run) -> torch.Tensor:
    """Weights along a run, shape (n, k), at most 64 of them."""
    moments = run.timeline.moments
    every = max(1, len(moments) // 64)
    return torch.stack([m.tensors()["flat"] for m in moments[::every]])


def _score(state: State, split: Part) -> Score:
    trainer = state.trainer
    part = getattr(trainer.data, split)
    if part is None:
        raise LessonError("No samples are held back for validation: set a share in Data.")
    return trainer.evaluate(part)


def _best(state: State) -> tuple[float, float]:
    run = state.session.runs.current
    tests = [t for t in run.curves.tests if t.whole] if run is not None else []
    if run is None or not tests:
        raise LessonError("There is no test yet: train for an epoch.")
    best = min(tests, key=lambda t: t.loss)
    return float(epochs_done(run.counts, np.array([best.step]))[0]), best.loss


def _runs_with(state: State, setting: str, value: str | float) -> Iterator[Run]:
    """Runs that trained at least an epoch with a setting at a value, oldest first."""
    fields = state.graph.training.__struct_fields__
    for run in state.runs:
        found = run.settings.dataset_options.get(setting)
        if setting in fields:
            found = getattr(run.settings, setting)
        now = as_value(found)
        if type(now) is not type(value) or now != value:
            continue
        if any(t.whole for t in run.curves.tests):
            yield run
