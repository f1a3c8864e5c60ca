"""Points where a slope is a matter of choice: ours is the one that the help page names."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import graphcore as gc
from graphcore.errors import EngineError
from graphcore.ops import Context


def run(name: str, *inputs: Tensor, training: bool = False, **given: Any) -> tuple[Any, Any]:
    """Outputs, and gradients for a gradient of ones."""
    op = gc.ops.get(name)
    attributes = op.complete(given)
    context = Context(training, torch.Generator(), needs=(True,) * len(inputs))
    y = op.run_forward(context, inputs, attributes)
    g = tuple(torch.ones_like(t) for t in y) if isinstance(y, tuple) else torch.ones_like(y)
    return y, op.run_vjp(context, g, y, inputs, attributes)


def tensor(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize("name", ["Maximum", "Minimum"])
def test_a_tie_of_two_is_halved(name: str) -> None:
    _, (ga, gb) = run(name, tensor(1, 2, 3), tensor(1, 3, 2))
    assert ga[0] == gb[0] == 0.5
    assert torch.equal(ga + gb, torch.ones(3, dtype=torch.float64))


@pytest.mark.parametrize(("name", "value"), [("Max", 3.0), ("Min", -1.0)])
def test_extremes_that_tie_share_equally(name: str, value: float) -> None:
    x = torch.tensor([[value, 0.0, value], [value, 1.0, 2.0]], dtype=torch.float64)
    _, (gx,) = run(name, x, dim=1)
    wanted = torch.tensor([[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]], dtype=torch.float64)
    assert torch.equal(gx, wanted)
    _, (gx,) = run(name, x)
    assert torch.equal(gx, (x == value).double() / 3)


def test_maxout_shares_a_tie_and_pooling_takes_the_first() -> None:
    _, (gx,) = run("Maxout", torch.ones(1, 4, dtype=torch.float64))
    assert torch.equal(gx, torch.full((1, 4), 0.5, dtype=torch.float64))
    _, (gx,) = run("MaxPool2d", torch.ones(1, 1, 2, 2), kernel_size=2)
    assert gx.flatten().tolist() == [1, 0, 0, 0]
    _, (gx,) = run("MaxPool1d", torch.ones(1, 1, 4), kernel_size=2)
    assert gx.flatten().tolist() == [1, 0, 1, 0]


def test_argmax_takes_the_first() -> None:
    y, (gx,) = run("ArgMax", tensor(1, 5, 5))
    assert int(y) == 1
    assert gx is None


AT_KINK = [
    ("ReLU", 0.0, {}, 0.0),
    ("LeakyReLU", 0.0, {"negative_slope": 0.25}, 0.25),
    ("Abs", 0.0, {}, 0.0),
    ("Hardtanh", 1.0, {}, 0.0),
    ("Hardtanh", -1.0, {}, 0.0),
    ("Clip", 1.0, {}, 1.0),
    ("Clip", 0.0, {}, 1.0),
    ("ELU", 0.0, {"alpha": 0.5}, 0.5),
    ("BinaryStep", 0.0, {}, 0.0),
    ("Softsign", 0.0, {}, 1.0),
]


@pytest.mark.parametrize(("name", "at", "attributes", "slope"), AT_KINK)
def test_slope_at_a_corner(name: str, at: float, attributes: dict[str, Any], slope: float) -> None:
    _, (gx,) = run(name, tensor(at), **attributes)
    assert float(gx) == slope


def test_prelu_counts_zero_as_negative() -> None:
    _, (gx, gw) = run("PReLU", tensor(0, -2, 3), tensor(0.25))
    assert gx.tolist() == [0.25, 0.25, 1.0]
    assert gw.tolist() == [-2.0]


def test_losses_at_their_corners() -> None:
    assert run("L1Loss", tensor(2), tensor(2))[1][0].item() == 0
    assert run("HingeLoss", tensor(1), tensor(1))[1][0].item() == 0
    assert run("HuberLoss", tensor(3), tensor(2))[1][0].item() == 1


@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (0.0, 2.0), (2.0, 0.0), (-2.0, 3.0)])
def test_powers_at_zero_follow_torch(a: float, b: float) -> None:
    x, e = tensor(a).requires_grad_(), tensor(b).requires_grad_()
    torch.pow(x, e).sum().backward()
    _, (ga, gb) = run("Pow", x.detach(), e.detach())
    torch.testing.assert_close(ga, x.grad, equal_nan=True)
    torch.testing.assert_close(gb, e.grad, equal_nan=True)


def test_the_root_is_infinitely_steep_at_zero() -> None:
    assert float(run("Sqrt", tensor(0))[1][0]) == float("inf")


def test_the_step_is_one_at_zero() -> None:
    assert run("BinaryStep", tensor(-1e-9, 0, 1e-9))[0].tolist() == [0, 1, 1]


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softplus", "Sigmoid", "SiLU", "GELU"])
def test_huge_numbers_do_not_overflow(name: str) -> None:
    y, (gx,) = run(name, torch.tensor([-1e30, -100.0, 0.0, 100.0, 1e30]))
    assert bool(gx.isfinite().all())
    assert not bool(y.isnan().any())


def test_variance_of_too_few_values_is_one_sentence() -> None:
    with pytest.raises(EngineError, match=r"needs more than 1 values, gets x of shape \(1, 3\)"):
        run("Var", torch.ones(1, 3), dim=0)
