"""The largest of every kind of window is the one that torch finds, and so is its gradient."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from graphcore.ops import Context
from graphcore.ops.pooling import MaxPool2d

KERNELS: tuple[Any, ...] = (2, 3, (3, 2), (1, 2), (2, 1), 4, (5, 4))


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_largest_and_its_gradient_are_torchs(kernel: Any) -> None:
    x = torch.randn(2, 3, 13, 16, generator=torch.Generator().manual_seed(0))
    x[0, 0, 3, 4] = torch.nan
    strides, dilations = (None, 1, 2, (2, 1), 3), (1, (2, 1))
    for stride, padding, dilation, ceil in itertools.product(
        strides, (0, 1), dilations, (False, True)
    ):
        if padding and min(kernel if isinstance(kernel, tuple) else (kernel,)) < 2:
            continue
        given = {"kernel_size": kernel, "stride": stride, "padding": padding}
        given |= {"dilation": dilation, "ceil_mode": ceil}
        context = Context(needs=(True,))
        y = MaxPool2d.run_forward(context, [x], given)
        wanted = x.clone().requires_grad_()
        right = torch.nn.functional.max_pool2d(wanted, kernel, **dict(list(given.items())[1:]))
        assert torch.equal(y.nan_to_num(9e9), right.nan_to_num(9e9)), given
        g = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
        right.backward(g)
        (gx,) = MaxPool2d.run_vjp(context, g, y, [x], given)
        assert torch.equal(gx, wanted.grad), given
