"""How the processor computes in a process of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_loader.load("torch")


def set_up(threads: int | None = None) -> None:
    """Compute on so many threads, if a number is given, and with denormal numbers as zeros.

    The momentum of a unit that no longer learns shrinks until its numbers are denormal (below
    1.2e-38) and stays there; the processor takes a hundred times longer over each. To be called
    before anything is computed: torch's threads take it over when they are started.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
