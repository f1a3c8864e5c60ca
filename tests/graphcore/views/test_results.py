"""How a classifier does on the test split, as the window is shown it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from graphcore import datasets, files, presets
from graphcore.records.arrays import unpack
from graphcore.session import messages as m
from graphcore.session.session import Session
from graphcore.training.class_shares import NO_CLASSES
from graphcore.training.trainer import Trainer
from graphcore.views.results import ResultsFrame, ResultsRequest
from graphcore.views.results.compute import BATCH, results, results_in_pieces
from graphcore.views.scheduler import Scheduler


def trained(name: str, steps: int) -> Trainer:
    graph = presets.load(name)
    trainer = Trainer(graph, datasets.load(graph.training.dataset))
    for _ in trainer.steps(steps):
        pass
    return trainer


def test_results_are_those_of_an_evaluation() -> None:
    trainer = trained("mlp", 60)
    frame = results(trainer)
    counts = unpack(frame.counts)  # type: ignore[arg-type]
    assert counts.sum() == 10_000
    score = trainer.evaluate(trainer.data.test)
    assert counts.trace() / 10_000 == pytest.approx(score.accuracy)
    assert frame.accuracy == pytest.approx(score.accuracy)
    labels = trainer.data.test.targets
    for mistake in frame.mistakes[:20]:
        assert labels[mistake.index] == mistake.label != mistake.answer
        assert mistake.image is not None
    sure = [m.share for m in frame.mistakes]
    assert sure == sorted(sure, reverse=True)


def test_a_mistake_over_points_tells_which_point_it_is() -> None:
    trainer = trained("circle", 5)
    for mistake in results(trainer).mistakes:
        assert mistake.image is None
        point = trainer.data.normalization.invert(trainer.data.test.inputs[mistake.index])
        assert mistake.numbers == pytest.approx(point.tolist())
        assert len(mistake.numbers) == 2


def test_the_pieces_are_of_one_moment() -> None:
    graph = presets.load("resnet8")  # it also measures while it trains
    data = datasets.load(graph.training.dataset)
    few = dataclasses.replace(data, test=data.test.take(np.arange(5 * BATCH)))
    trainer = Trainer(graph, few)
    for _ in trainer.steps(2):
        pass
    whole = results(trainer)
    pieces = results_in_pieces(trainer)
    found = None
    for found in pieces:  # noqa: B007
        if trainer.step < 5:
            trainer.train_step()
            trainer.evaluate(trainer.data.train, limit=10)
    assert isinstance(found, ResultsFrame)
    assert found.step == whole.step == 2
    assert found.accuracy == whole.accuracy
    assert np.array_equal(unpack(found.counts), unpack(whole.counts))
    assert results(trainer).accuracy != whole.accuracy


def test_requests_are_heard_between_the_pieces() -> None:
    said: list[ResultsFrame] = []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(presets.load("mlp"))))
    views, pieces = Scheduler(session), -1
    views.take(ResultsRequest())
    said.clear()
    while not said:
        pieces += 1
        assert views.has_work()
        views.work()
    assert isinstance(said[0], ResultsFrame)
    assert pieces == 10_000 // BATCH
    views.work()
    assert not views.has_work()


def test_results_of_weights_that_were_changed_begin_anew() -> None:
    said: list[ResultsFrame] = []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(presets.load("mlp"))))
    assert session.trainer is not None
    views = Scheduler(session)
    views.take(ResultsRequest())
    said.clear()
    views.work()
    session.trainer.plan.flat.zero_()
    session.weights_changed()
    while not said:
        views.work()
    (frame,) = said
    assert isinstance(frame, ResultsFrame)
    assert unpack(frame.counts)[:, 0].sum() == 10_000  # all scores are alike: the first wins


def test_a_regression_has_errors_in_its_own_unit(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("area,price\n" + "".join(f"{i},{1000 * i + 250.5}\n" for i in range(40)))
    graph = presets.load("linear-regression")
    options = {"path": str(path), "target_scale": "standardize"}
    settings = msgspec.structs.replace(
        graph.training, dataset="csv", dataset_options=options, normalization="standardize", lr=0.1
    )
    data = datasets.load("csv", options=options, normalization="standardize", seed=settings.seed)
    trainer = Trainer(graph, data, settings, dtype="float64")
    list(trainer.steps(30))
    found = results(trainer).quantities
    assert found is not None
    with torch.no_grad():
        x, t = trainer.tensors(data.test)
        plan = trainer.evaluation_plan()
        plan.forward(trainer.binding.feeds(x, t))
        said = data.target_scale.invert(plan.value(trainer.binding.output).numpy()).ravel()
    truth = data.target_scale.invert(data.test.targets).ravel()
    assert np.allclose(unpack(found.truth), truth, rtol=1e-5)
    assert truth.max() > 1000
    assert found.mae == pytest.approx(np.abs(said - truth).mean(), rel=1e-4)
    assert found.rmse == pytest.approx(np.sqrt(((said - truth) ** 2).mean()), rel=1e-4)
    assert found.r2 == pytest.approx(
        1 - ((said - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum(), abs=1e-4
    )
    assert (found.target, found.samples, found.outputs) == ("price", 8, 1)
    curve = found.curve
    assert curve is not None
    assert (curve.column, curve.tests) == ("area", 8)
    assert np.allclose(unpack(curve.points_y), 1000 * unpack(curve.points_x) + 250.5, rtol=1e-4)
    x, y = unpack(curve.x), unpack(curve.y)
    assert np.allclose(np.diff(y) / np.diff(x), (y[-1] - y[0]) / (x[-1] - x[0]), rtol=1e-2)


def test_numbers_that_do_not_answer_one_by_one_have_no_results() -> None:
    assert results(trained("autoencoder", 1)).problem == NO_CLASSES
