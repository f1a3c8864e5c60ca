"""A row in the table's own columns gets the answer that ``predict`` gives, in its own words."""

from __future__ import annotations

import numpy as np
import pytest

import graphcore as gc
from graphcore.graph.layer_list import net_for
from graphcore.graph.training_settings import TrainingSettings
from graphcore.records.arrays import unpack
from graphcore.session.messages import Load
from graphcore.session.session import Session
from graphcore.training.sample import Sample, fed
from graphcore.views.own_row import RowFrame, RowRequest
from graphcore.views.own_row.compute import own_row

ROW = {"size": "31.5", "colour": "green"}


def session(tmp_path, kinds) -> Session:
    path = tmp_path / "fruit.csv"
    colours = ("red", "green", "blue")
    rows = (f"{20 + i % 17},{colours[i % 3]},{kinds(i)}\n" for i in range(60))
    path.write_text("size,colour,kind\n" + "".join(rows))
    settings = TrainingSettings(
        dataset="csv", dataset_options={"path": str(path), "target_scale": "standardize"},
        normalization="standardize",
    )  # fmt: skip
    graph = net_for((4,), 2 if isinstance(kinds(0), str) else 0, settings)
    made = Session(lambda _reply: None, "cpu")
    made.load(Load(gc.files.dumps(graph)))
    for _ in range(10):
        made.need_trainer().train_step()
    return made


@pytest.mark.parametrize("kinds", [lambda i: ("pear", "plum")[i % 2], lambda i: 1000 + 10 * i])
def test_a_row_is_answered_as_predict_does(kinds, tmp_path) -> None:
    open_ = session(tmp_path, kinds)
    trainer = open_.need_trainer()
    frame = own_row(open_, RowRequest(values=ROW))
    answer = gc.predict(trainer, ROW)[0]
    assert frame.target == "kind"
    assert [(c.name, set(c.words)) for c in frame.columns] == [
        ("size", set()), ("colour", {"red", "green", "blue"})
    ]  # fmt: skip
    assert frame.numbers == (() if answer.probability else (pytest.approx(answer.answer),))
    assert dict(frame.shares) == pytest.approx(answer.probabilities)
    if answer.probability:
        assert frame.answer == frame.shares[0][0] == answer.answer
    assert unpack(frame.given).sum() == pytest.approx(32.5)
    own = own_row(open_, RowRequest(sample=Sample(3)))
    first = trainer.data.normalization.invert(trainer.data.test.inputs[3])
    assert float(own.values["size"]) in np.round(first).tolist()
    assert own.values["colour"] in ("red", "green", "blue")
    for row, said in (({**ROW, "size": "x"}, "is no number"), ({"size": "1"}, "no value for")):
        problem = own_row(open_, RowRequest(values=row))
        assert said in problem.problem
        assert problem.given is None
    open_.load(Load(gc.files.dumps(gc.presets.load("circle"))))
    assert own_row(open_, RowRequest()) == RowFrame()


def test_a_small_data_set_with_named_columns_answers_rows_in_its_unit() -> None:
    open_ = Session(lambda _reply: None, "cpu")
    open_.load(Load(gc.files.dumps(gc.presets.load("house-prices"))))
    trainer = open_.need_trainer()
    for _ in range(300):
        trainer.train_step()
    row = {"area (m²)": "100", "rooms": "4", "age (years)": "10"}
    frame = own_row(open_, RowRequest(values=row))
    assert frame.target == "price (€)"
    rule = 40_000 + 2_400 * 100 + 12_000 * 4 - 900 * 10
    assert frame.numbers[0] == pytest.approx(rule, rel=0.1)


def test_a_row_of_ones_own_has_no_other_rows_target(tmp_path) -> None:
    """What the net says is its target until one is given: the loss of a guess is none."""
    open_ = session(tmp_path, lambda i: 1000 + 10 * i)
    trainer = open_.need_trainer()
    given = own_row(open_, RowRequest(values=ROW)).given
    x, t, _ = fed(trainer, Sample(given=given))
    plan = trainer.evaluation_plan()
    plan.forward(trainer.binding.feeds(x, t))
    assert float(t) == pytest.approx(float(plan.value(trainer.binding.output)))
    assert float(plan.value(trainer.binding.loss)) == pytest.approx(0.0, abs=1e-9)
    _, t, _ = fed(trainer, Sample(given=given, label=0.5))
    assert float(t) == 0.5
