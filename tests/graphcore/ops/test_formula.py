"""The Formula operator: gradients of any formula, and refusals at the node."""

from __future__ import annotations

import pytest
import torch

import graphcore as gc
from graphcore.errors import ShapeError

Formula = gc.ops.get("Formula")


@pytest.mark.parametrize("case", Formula.cases(), ids=lambda c: c.attributes["formula"])
def test_value_and_gradient_are_those_of_autograd(case: gc.ops.Case) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 4, dtype=torch.float64, generator=generator) + 0.2
    assert case.reference is not None
    x.requires_grad_()
    wanted = case.reference(x)
    g = torch.rand(3, 4, dtype=torch.float64, generator=generator)
    (gradient,) = torch.autograd.grad(wanted, x, g)
    x = x.detach()
    y = Formula.forward(x, **case.attributes)
    torch.testing.assert_close(y, wanted.detach())
    (found,) = Formula.vjp(g, y, x, **case.attributes)
    torch.testing.assert_close(found, gradient)


@pytest.mark.parametrize("formula", ["x + y", "", "import os", "y = x", "x; x", "open(x)"])
def test_a_bad_formula_is_reported_at_the_node(formula: str) -> None:
    with pytest.raises(ShapeError, match="Formula: "):
        Formula.infer_shape((3,), formula=formula)


def test_the_value_is_a_tensor_of_its_own() -> None:
    x = torch.ones(2)
    assert Formula.forward(x, formula="x").data_ptr() != x.data_ptr()
