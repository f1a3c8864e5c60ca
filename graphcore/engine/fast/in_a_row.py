"""Many steps on an accelerator of which none waits for it; as a CUDA graph where there is one.

Nothing is read back between the steps: rows, learning rate and loss stay on the device. Where the
kernels make the same calls every time, one step is captured and then launched by a single call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from graphcore.engine.fast.kernel_trace import Loop
from graphcore.late import torch
from graphcore.ops.kernels.buffered import Closure, run_all

if TYPE_CHECKING:
    from torch import Tensor

WARMED = 3
"""Times that a step runs before it is captured: libraries allocate and choose kernels then."""


def in_a_row(
    closures: Sequence[Closure], rows: Tensor, kept: Tensor,
    update: Callable[[float | Tensor], object], steady: bool,
) -> Loop:  # fmt: skip
    """Return what makes many steps one after the other; a capture runs some of them first.

    Args:
        closures: both passes. update: changes the weights at a learning rate.
        rows: a row of what the loop is given is put here each time.
        kept: a number, shape (), that the closures put out; it is noted each time.
        steady: whether all of it makes the same calls every time, at a rate that is a tensor.
    """
    rate = torch.zeros((), dtype=torch.float32, device=rows.device)
    step = captured([*closures, lambda: update(rate)]) if steady else None
    loss = torch.empty_like(kept).set_(kept)  # type: ignore[call-overload] # where the capture puts it

    def run(given: Tensor, noted: Tensor, rates: list[float]) -> None:
        on_device = torch.tensor(rates, dtype=torch.float32).to(rows.device, non_blocking=True)
        for i, number in enumerate(rates):
            rows.copy_(given[i])
            if step is None:
                for closure in closures:
                    closure()
                update(number)
            else:
                rate.copy_(on_device[i])
                step()
            noted[i].copy_(kept if step is None else loss)

    return run


def captured(closures: Sequence[Closure]) -> Closure | None:
    """Run closures, and return one call that does the same as a CUDA graph.

    None where there is no CUDA, or where it cannot be captured.
    """
    if not torch.cuda.is_available():
        return None
    whole, now = run_all(*closures), torch.cuda.current_stream()
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(now)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.stream(aside):
            for _ in range(WARMED):
                whole()
        now.wait_stream(aside)
        with torch.cuda.graph(graph):
            whole()
    except RuntimeError:
        return None
    return graph.replay
