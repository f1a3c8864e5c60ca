"""How the processor computes in a process of ours."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from graphcore.engine import processor
from tests.graphcore.engine.fast.test_kernel_trace import parse_layers, trainer

SMALLEST_NORMAL = torch.finfo(torch.float32).tiny


def momentum_of_dead_units(steps: int) -> torch.Tensor:
    """What is left of the momentum of units that learn nothing from the first step on."""
    run = trainer(parse_layers("784-8-relu-10"))
    list(run.steps(2))
    info = next(p for p in run.plan.layout if p.shape == (8, 784))
    with torch.inference_mode():
        run.plan.parameters[f"{info.node}.bias"].fill_(-1e6)
    list(run.steps(steps))
    size: torch.Tensor = run.groups[0].part(info, run.groups[0].optimizer.state["velocity"]).abs()
    return size


@pytest.mark.parametrize("flushed", [False, True])
def test_the_momentum_of_dead_units_comes_to_rest_at_zero(flushed: bool) -> None:
    if flushed:
        processor.set_up()
    left = momentum_of_dead_units(900)
    denormal = (left > 0) & (left < SMALLEST_NORMAL)
    assert bool(denormal.any()) is not flushed


def test_so_does_torchs_team_of_threads() -> None:
    code = (
        "import torch; from graphcore.engine import processor; processor.set_up(2); "
        "x = torch.full((1_000_000,), 1e-30); assert not (x * 1e-10).any()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the GNU C library's malloc is asked to")
def test_the_memory_of_a_step_is_kept_for_the_next() -> None:
    """Pages that the system hands out while tensors of 8 MB come and go."""
    code = (
        "import resource, torch; from graphcore.engine import processor; processor.set_up(1)\n"
        "def pages(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def step(): a = torch.ones(2_000_000); b = a + 1; return float((a * b)[0])\n"
        "for _ in range(10): step()\n"
        "before = pages()\n"
        "for _ in range(50): step()\n"
        "assert pages() - before < 8000, pages() - before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
