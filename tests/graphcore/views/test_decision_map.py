"""What a net has learned, as the window is shown it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphcore import datasets, ops, presets
from graphcore.records.arrays import unpack
from graphcore.training.class_shares import class_indices, class_shares
from graphcore.training.decision_grid import GRID, NEURON_GRID
from graphcore.training.evaluation import correct
from graphcore.training.sample import Sample, fed
from graphcore.training.trainer import Trainer
from graphcore.views.decision_map import compute as probing
from graphcore.views.digit_pad.compute import digit
from graphcore.views.results.compute import results
from graphcore.views.samples import SamplesRequest
from graphcore.views.samples.chosen_sample import chosen_sample
from graphcore.views.samples.compute import browse
from graphcore.views.stepper.compute import _classes


def trained(name: str, steps: int) -> Trainer:
    graph = presets.load(name)
    s = graph.training
    data = datasets.load(
        s.dataset, options=s.dataset_options, normalization=s.normalization, seed=s.seed
    )
    trainer = Trainer(graph, data)
    for _ in trainer.steps(steps):
        pass
    return trainer


def test_the_map_says_what_the_net_says() -> None:
    trainer = trained("circle", 1500)
    frame = probing.decision_map(trainer)
    assert frame.problem == ""
    assert frame.shares is not None
    assert frame.points is not None
    shares = unpack(frame.shares)
    assert shares.shape == (2, GRID, GRID)
    assert np.allclose(shares.sum(0), 1, atol=1e-5)
    points, labels = unpack(frame.points), unpack(frame.labels)  # type: ignore[arg-type]
    place = (points - np.array(frame.low)) / (np.array(frame.high) - np.array(frame.low))
    cells = np.rint(place * (GRID - 1)).astype(int)
    said = shares[1][cells[:, 1], cells[:, 0]] > 0.5
    right = float((said == (labels > 0.5)).mean())
    assert right == pytest.approx(trainer.evaluate(trainer.data.train).accuracy or 0, abs=0.05)
    assert right > 0.8
    for maps in frame.neurons.values():
        assert unpack(maps).shape[1:] == (NEURON_GRID, NEURON_GRID)


def test_a_drawn_digit_is_seen_as_mnists_are() -> None:
    trainer = trained("mlp", 300)
    data = trainer.data
    picture = np.asarray(data.normalization.invert(data.test.inputs[0])).reshape(28, 28)
    large = np.zeros((200, 300), np.float32)
    large[20:104, 150:234] = np.kron(picture, np.ones((3, 3), np.float32))
    frame = digit(trainer, large, True, ("x", "loss"))
    seen = unpack(frame.seen)  # type: ignore[arg-type]
    assert float(np.abs(seen - picture).mean()) < 0.03
    assert int(unpack(frame.shares).argmax()) == data.test.targets[0]  # type: ignore[arg-type]
    assert frame.values["x"].array.shape == (1, 28, 28)
    assert "loss" not in frame.values  # nobody has said what the drawing is
    nothing = digit(trainer, np.zeros((50, 50), np.float32), True, ())
    assert unpack(nothing.seen).max() == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mlp", "lenet5"])
def test_what_does_not_apply_is_said(name: str) -> None:
    assert "two inputs" in probing.decision_map(trained(name, 1)).problem


def test_a_regression_has_no_classes() -> None:
    trainer = trained("linear-regression", 2)
    assert digit(trainer, np.zeros((9, 9), np.float32), True, ()).problem


@pytest.mark.parametrize("loss", [op.name for op in ops.all_operators() if op.answers == "logit"])
def test_accuracy_and_map_agree_on_one_score(loss: str) -> None:
    scores = torch.tensor([[-2.0], [-0.1], [0.1], [0.4], [0.7], [3.0]])
    for no in (0.0, -1.0):
        target = torch.tensor([no, 1.0, 1.0, 1.0, 1.0, 1.0])
        shares = class_shares(scores, loss, target)
        assert shares is not None
        said = shares.argmax(1) == (target > 0)
        assert correct(scores, target, loss) == int(said.sum()) == 5


def test_every_loss_of_scores_says_so() -> None:
    """The others read probabilities, values or a score for each class."""
    found = {op.name for op in ops.all_operators() if op.answers == "logit"}
    assert found == {"BCEWithLogitsLoss", "HingeLoss", "SquaredHingeLoss"}


SOFTMAX = torch.softmax(torch.tensor([[1.0, 3.0, 2.0]]), 1)


@pytest.mark.parametrize(
    ("loss", "scores", "shares"),
    [("CrossEntropyLoss", [[1.0, 3.0, 2.0]], SOFTMAX), ("NLLLoss", SOFTMAX.log(), SOFTMAX),
     ("KLDivLoss", SOFTMAX.log(), SOFTMAX), ("MSELoss", SOFTMAX, SOFTMAX),
     ("Mul", SOFTMAX, SOFTMAX),
     ("BCEWithLogitsLoss", [[0.0, 2.0]], [[0.5, 0.880797]]),
     ("BCELoss", [[0.25, 0.5]], [[0.25, 0.5]]), ("MSELoss", [[0.1, 0.7, -0.2]], [[0.1, 0.7, 0.0]]),
     ("MSELoss", [[1.0, 2.0, -1.0]], [[0.5, 1.0, 0.0]]), ("L1Loss", [[-2.0, -1.0]], [[0.0, 1e-6]])],
)  # fmt: skip
def test_a_share_is_a_softmax_only_where_the_loss_has_one(loss, scores, shares) -> None:
    scores = torch.as_tensor(scores)
    found = class_shares(scores, loss, torch.tensor([0, 1]))
    torch.testing.assert_close(found, torch.as_tensor(shares))
    assert torch.equal(found.argmax(1), scores.argmax(1))


def test_several_numbers_are_no_classes() -> None:
    scores, truth = torch.tensor([[0.2, 0.9]]), torch.tensor([[3.5, -1.0]])
    assert class_shares(scores, "MSELoss", truth) is None
    one_hot = torch.tensor([[0.0, 1.0]])
    assert class_shares(scores, "MSELoss", one_hot) is not None
    assert class_indices(one_hot).tolist() == [1]


def test_class_words_are_said_wherever_a_class_is() -> None:
    """Of a net with one output, whose classes are words."""
    trainer = trained("will-pass", 1)
    words = ("fails", "passes")
    frame = probing.decision_map(trainer)
    page = browse(trainer, SamplesRequest())
    assert frame.classes == results(trainer).classes == page.classes == words
    assert set(page.labels) | set(page.answers) <= set(words)
    plan = trainer.looking_plan()
    x, t, _ = fed(trainer, Sample())
    plan.forward(trainer.binding.feeds(x, t))
    label, answer, likeliest = _classes(trainer, plan, t)
    assert {name for name, _ in likeliest} == set(words)
    assert label in words
    assert answer.split(" (")[0] in words
    chosen = chosen_sample(trainer, (), 0)
    assert chosen.classes == words
