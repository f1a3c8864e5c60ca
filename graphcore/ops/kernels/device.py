"""Where a tensor lies, asked in one place: what is right for a CPU's kernels and for others'."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


def on_accelerator(tensor: Tensor) -> bool:
    """Return whether kernels run beside Python, on a device that has a memory of its own."""
    return tensor.device.type != "cpu"


def within(indices: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return indices held between 0 and count − 1, and a mark: 0, or NaN if one lay outside.

    A kernel that meets a wrong index on an accelerator takes the process down, and to look for
    one first would stop the device at every step. A result that the mark is added to is not
    finite instead, and the search for the node where that began calls ``Operator.refuse``.
    """
    outside = ((indices < 0) | (indices >= count)).any()
    return indices.clamp(0, count - 1), torch.where(outside, float("nan"), 0.0)


@lru_cache(maxsize=64)
def constant(values: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return numbers of an attribute as a tensor, brought to the device once and not every step.

    Args:
        values: a number, or nested tuples of numbers.
    """
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype).to(device)
