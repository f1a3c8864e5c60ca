"""How a process of ours computes: threads, denormal numbers, memory."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

from graphcore.late import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""malloc.h of the GNU C library"""
LARGEST_KEPT, MOST_KEPT = 64 << 20, 256 << 20
"""Bytes of one tensor, and of all together, that are kept when they are free."""


def set_up(threads: int | None = None) -> None:
    """Compute on a number of threads, if one is given, and with denormal numbers as zeros.

    The momentum of a unit that no longer learns shrinks until its numbers are denormal (below
    1.2e-38) and stays there; the processor takes a hundred times longer over each. To be called
    before anything is computed: torch's threads take it over when they are started.

    Memory that a step's tensors leave is kept for those of the next: from the system it comes
    page by page, which took a quarter of a step of ViT's.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    _keep_free_memory()


@contextlib.contextmanager
def at_most(threads: int | None) -> Iterator[None]:
    """Compute on no more threads than that meanwhile; None changes nothing."""
    before = torch.get_num_threads()
    if threads is None or before <= threads:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _keep_free_memory() -> None:
    """Where malloc is not the GNU C library's, everything stays as it is."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
