"""Modules that are imported when they are first used, so that the window starts without torch.

    from graphcore.late import torch

Nothing stands for a module in ``sys.modules`` before it is there: torch asks for itself there
while it loads, and what it finds must be the module and no stand-in.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx
    import torch

__all__ = ["networkx", "torch", "uncollected"]

if "OMP_WAIT_POLICY" not in os.environ:
    # How long a thread of torch's waits awake for the others. By default that is some milliseconds,
    # in which it keeps the processor from the one that it waits for wherever others compute, too.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Do without Python's collector for a while: over what is imported it would walk in vain.

    It took a sixth of the time of importing torch.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _late(name: str) -> ModuleType:
    """Return a module that imports another and keeps each attribute that it was asked for."""
    late = ModuleType(name)

    def attribute(wanted: str) -> Any:
        with uncollected():
            value = getattr(import_module(name), wanted)
        setattr(late, wanted, value)
        return value

    vars(late)["__getattr__"] = attribute
    return late


if not TYPE_CHECKING:
    networkx, torch = _late("networkx"), _late("torch")
