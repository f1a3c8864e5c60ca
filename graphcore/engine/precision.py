"""In which precision products are computed: float32, TF32 or bfloat16.

Weights, gradients, the optimiser's state and everything between the products stay float32.
"""

from __future__ import annotations

import contextlib
from typing import Any

from graphcore.errors import EngineError
from graphcore.late import torch
from graphcore.records.precision import PRECISIONS, Precision

DOUBLE: Precision = "float64"
AMPERE = 8
"""Compute capability from which on an NVIDIA GPU has TF32."""


def kept_in(dtype: str) -> torch.dtype:
    """Return the type of a plan's numbers, of what ``compile`` is told."""
    return torch.float64 if dtype == "float64" else torch.float32


def usable_precision(name: str, device: torch.device) -> Precision:
    """Return the precision of that name, checked on a device.

    Raises:
        EngineError: there is none, or the device does not have it.
    """
    known = next((p for p in (*PRECISIONS, DOUBLE) if p == name), None)
    if known is None:
        raise EngineError(f"There is no precision {name!r}; there are: {', '.join(PRECISIONS)}.")
    if known == "tf32" and not _has_tf32(device):
        raise EngineError(
            f"TF32 is a precision of NVIDIA GPUs from compute capability {AMPERE} on, which "
            f"{device} is not: choose float32 or bfloat16."
        )
    if known == "bfloat16":
        try:
            ones = torch.ones(2, 2, dtype=torch.bfloat16, device=device)
            torch.mm(ones, ones)
        except (RuntimeError, TypeError):
            raise EngineError(f"{device} does not compute in bfloat16: choose float32.") from None
    return known


def precisions(device: torch.device) -> list[Precision]:
    """Return the precisions that a device has."""
    found = list[Precision]()
    for name in PRECISIONS:
        with contextlib.suppress(EngineError):
            found.append(usable_precision(name, device))
    return found


def _has_tf32(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= AMPERE


def use(precision: Precision, device: torch.device) -> torch.dtype | None:
    """Set a device up for a precision; return the type that operands of products are rounded to.

    TF32 is a switch of torch's for the whole process, which torch turns on for convolutions by
    itself: here the plan that was compiled last decides.
    """
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
    return torch.bfloat16 if precision == "bfloat16" else None


def rounded(x: Any, dtype: torch.dtype | None) -> Any:
    """Return a tensor, or several, as another floating-point type's; as it is with None."""
    if dtype is None:
        return x
    if isinstance(x, tuple | list):
        return tuple(rounded(part, dtype) for part in x)
    return x.to(dtype) if x is not None and x.is_floating_point() else x
