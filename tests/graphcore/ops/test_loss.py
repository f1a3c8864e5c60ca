"""Losses: targets of other shapes and kinds, refusals, sure mistakes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import graphcore as gc
from graphcore.dims import N
from graphcore.errors import EngineError, ShapeError
from graphcore.ops import Context
from tests.graphcore.ops.test_ties_and_kinks import run

ELEMENTWISE = ["MSELoss", "L1Loss", "HuberLoss", "MSLELoss", "BCEWithLogitsLoss", "HingeLoss"]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_column_meets_a_row_of_targets(name: str) -> None:
    """torch would make (N, N) of them."""
    x, t = torch.rand(5, 1), torch.rand(5)
    y, (gx, gt) = run(name, x, t)
    wanted, (gx_wanted, gt_wanted) = run(name, x, t.unsqueeze(1))
    assert torch.equal(y, wanted)
    assert torch.equal(gx, gx_wanted)
    assert gt.shape == (5,)
    assert torch.equal(gt, gt_wanted.squeeze(1))
    other_way, _ = run(name, x.squeeze(1), t.unsqueeze(1))
    assert torch.equal(other_way, wanted)
    assert gc.ops.get(name).infer_shape((N, 1), (N,), reduction="none") == (N, 1)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "BCELoss", "KLDivLoss"])
def test_a_target_that_would_broadcast_to_nonsense_is_refused(name: str) -> None:
    x = torch.rand(4, 4)
    with pytest.raises(ShapeError, match=f"{name}: a target of shape .* must be whole-number"):
        run(name, x, torch.rand(4))
    with pytest.raises(ShapeError, match="it takes the same shape"):
        gc.ops.get(name).infer_shape((N, 3), (N, 2), reduction="mean")
    with pytest.raises(ShapeError, match="it takes the same shape"):
        run(name, torch.rand(4, 3), torch.rand(3))


def test_one_number_is_a_target_for_all() -> None:
    """A GAN's discriminator is asked for "real" everywhere."""
    x = torch.rand(4, 1)
    y, _ = run("BCELoss", x, torch.tensor(1.0))
    assert torch.equal(y, run("BCELoss", x, torch.ones(4, 1))[0])


@pytest.mark.parametrize("name", ["MSELoss", "BCEWithLogitsLoss"])
def test_class_indices_stand_for_one_hot_rows(name: str) -> None:
    x, t = torch.rand(4, 3), torch.tensor([0, 2, 1, 2])
    y, (gx, gt) = run(name, x, t)
    wanted, (gx_wanted, _) = run(name, x, torch.eye(3)[t])
    assert torch.equal(y, wanted)
    assert torch.equal(gx, gx_wanted)
    assert gt is None
    with pytest.raises(EngineError, match=r"no class 3; with 3 classes the indices are 0 to 2\."):
        run(name, x, torch.tensor([0, 3, 1, 1]))


def test_whole_numbers_are_cast_for_regression() -> None:
    x = torch.rand(3, 1, dtype=torch.float64)
    y, _ = run("MSELoss", x, torch.tensor([1, 2, 3]))
    assert y.dtype == torch.float64
    assert torch.equal(y, ((x.squeeze() - torch.tensor([1.0, 2.0, 3.0])) ** 2).mean())


def test_hinge_takes_zero_of_whole_numbers_for_no() -> None:
    x = torch.randn(4, 1)
    y, _ = run("HingeLoss", x, torch.tensor([0, 1, 1, 0]))
    assert torch.equal(y, run("HingeLoss", x, torch.tensor([-1.0, 1.0, 1.0, -1.0]))[0])
    rows, _ = run("SquaredHingeLoss", torch.zeros(2, 3), torch.tensor([0, 2]))
    assert float(rows) == 1


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
@pytest.mark.parametrize("index", [3, -1, -100])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2)])
def test_a_class_that_does_not_exist(name: str, index: int, shape: tuple[int, ...]) -> None:
    target = torch.zeros((shape[0], *shape[2:]), dtype=torch.int64)
    target[0] = index
    sentence = rf"{name}: there is no class {index}; with 3 classes the indices are 0 to 2\."
    with pytest.raises(EngineError, match=sentence):
        run(name, torch.randn(shape), target)


def test_a_class_that_does_not_exist_in_a_graph() -> None:
    graph = gc.Graph()
    graph.connect(graph.add("Input", name="x", shape=(3,)), graph.add("CrossEntropyLoss", name="l"))
    graph.connect(graph.add("Target", name="t"), "l")
    plan = gc.compile(graph)
    with pytest.raises(EngineError, match="there is no class 7"):
        plan.forward({"x": torch.zeros(2, 3), "t": [0, 7]})


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_class_indices_are_whole_numbers_one_per_sample(name: str) -> None:
    x = torch.randn(4, 3)
    with pytest.raises(ShapeError, match="takes whole numbers, got floating-point numbers"):
        run(name, x, torch.rand(4))
    with pytest.raises(ShapeError, match=r"a target of shape \(5,\) does not fit"):
        run(name, x, torch.zeros(5, dtype=torch.int64))
    with pytest.raises(ShapeError, match=r"a target of shape \(4, 1\) does not fit"):
        run(name, x, torch.zeros(4, 1, dtype=torch.int64))
    with pytest.raises(ShapeError, match="weight takes 3 numbers, one per class"):
        gc.ops.get(name).infer_shape((N, 3), reduction="mean", weight=(1.0, 2.0))


def test_probabilities_are_not_whole_numbers() -> None:
    with pytest.raises(ShapeError, match="takes floating-point numbers, got whole numbers"):
        run("CrossEntropyLoss", torch.randn(4, 3), torch.ones(4, 3, dtype=torch.int64))


@pytest.mark.parametrize("target", ["classes", "probabilities"])
def test_cross_entropy_is_one_number_per_path(target: str) -> None:
    """The two-kernel path for class indices agrees with the general one."""
    x = torch.randn(6, 4, dtype=torch.float64)
    classes = torch.tensor([0, 3, 1, 1, 2, 0])
    rows = torch.eye(4, dtype=torch.float64)[classes]
    fast, (gx, _) = run("CrossEntropyLoss", x, classes if target == "classes" else rows)
    slow, (gx_slow, _) = run("CrossEntropyLoss", x[:, :, None], classes[:, None])
    torch.testing.assert_close(fast, slow)
    torch.testing.assert_close(gx, gx_slow.squeeze(2))


def test_sure_mistakes_stay_finite() -> None:
    x = torch.tensor([0.0, 1.0, 0.0, 1.0])
    y, (gx, _) = run("BCELoss", x, torch.tensor([1.0, 0.0, 0.0, 1.0]), reduction="none")
    assert y.tolist() == [100, 100, 0, 0]
    assert bool(gx.isfinite().all())
    y, (gx, _) = run("BCEWithLogitsLoss", torch.tensor([-500.0, 500.0]), torch.tensor([1.0, 0.0]))
    assert float(y) == 500
    y, (gx, _) = run("CrossEntropyLoss", torch.tensor([[1e4, -1e4]]), torch.tensor([1]))
    assert float(y) == 2e4


def test_numbers_that_are_no_probabilities() -> None:
    with pytest.raises(EngineError, match=r"got numbers from -0.5 to 3: put a Sigmoid in front"):
        run("BCELoss", torch.tensor([-0.5, 3.0]), torch.ones(2))


def test_a_probability_of_zero_adds_nothing_to_the_divergence() -> None:
    t = torch.tensor([[0.0, 1.0]])
    y, (_, gt) = run("KLDivLoss", torch.tensor([[-1.0, -0.5]]), t)
    assert float(y) == 0.5
    assert bool(gt.isfinite().all())


def test_a_target_that_needs_no_gradient_gets_none() -> None:
    op = gc.ops.get("MSELoss")
    context = Context(needs=(True, False))
    x, t = torch.rand(3), torch.rand(3)
    y: Tensor = op.run_forward(context, (x, t), {"reduction": "mean"})
    assert op.run_vjp(context, torch.ones(()), y, (x, t), {"reduction": "mean"})[1] is None
