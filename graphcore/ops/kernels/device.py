"""Where a tensor lies, asked in one place: what is right for a CPU's kernels and for others'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


def on_accelerator(tensor: Tensor) -> bool:
    """Return whether kernels run beside Python, on a device that has a memory of its own."""
    return tensor.device.type != "cpu"


def is_captured(tensor: Tensor) -> bool:
    """Return whether calls are noted for a device and not run: no number can be read then."""
    return tensor.is_cuda and torch.cuda.is_current_stream_capturing()
