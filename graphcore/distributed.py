"""One run on several processes: each takes its share of every batch, gradients are added up.

The processes are started and watched by torchrun's own launcher. There is one all-reduce per
step, of the flat gradient with the loss at its end, so the same global batch gives the same
step as in one process. Running statistics (BatchNorm) are measured by each process on its own
share, as in torch's DistributedDataParallel; at the end of an epoch all take the first one's.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import lazy_loader
import numpy as np

from graphcore.errors import GradscapeError
from graphcore.parameters import seed_of
from graphcore.training import Trainer

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

MARK = "GRADSCAPE_RANK"
"""Set in the environment of a process that is one of several."""
LEFT_ALONE = 17
"""Exit code of a process that ends because another one is gone."""


def is_part() -> bool:
    """Whether this process is one of several of a run."""
    return MARK in os.environ


def speaks() -> bool:
    """Whether this process tells the user what happens: the only one, or the first of several."""
    return not is_part() or os.environ.get("RANK", "0") == "0"


def launch(
    command: Sequence[str], *, processes: int, nodes: int = 1, endpoint: str = "", run_id: str = "",
) -> int:  # fmt: skip
    """Run a command of this interpreter in several processes; returns the exit code.

    Args:
        command: arguments of the Python interpreter.
        processes: on this machine; ``nodes`` machines each start as many.
        endpoint: HOST:PORT where the machines meet; left out with one machine.

    Raises:
        GradscapeError: a process ended by itself.
    """
    torch.get_num_threads()  # the launcher's own import of a torch that is not loaded yet aborts
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable(logging.CRITICAL)  # one sentence says it, below
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    os.environ[MARK] = "1"
    config = LaunchConfig(
        min_nodes=nodes, max_nodes=nodes, nproc_per_node=processes, run_id=run_id or "gradscape",
        rdzv_backend="c10d", rdzv_endpoint=endpoint or "localhost:0", max_restarts=0,
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)(*command)
    except ChildFailedError as failed:
        return _exit_code(failed.failures)
    finally:
        logging.disable(logging.NOTSET)
        os.environ.pop(MARK, None)
    return 0


def _exit_code(failures: Mapping[int, Any]) -> int:
    """The code of a process that said itself what is wrong; else raises GradscapeError.

    Those that the launcher ended, or that were left alone, are not the ones at fault.
    """
    innocent = (-signal.SIGTERM, LEFT_ALONE)
    rank, first = min(
        failures.items(),
        key=lambda item: (item[1].exitcode in innocent, item[1].timestamp),
    )
    if first.exitcode in (1, 2):
        return int(first.exitcode)
    how = f"signal {-first.exitcode}" if first.exitcode < 0 else f"exit code {first.exitcode}"
    raise GradscapeError(
        f"Process {rank} of the run ended unexpectedly ({how}), so the run stopped; "
        "--resume goes on from its last checkpoint."
    )


class Shard:
    """The part of a run that this process does."""

    def __init__(self) -> None:
        self.rank, self.world = torch.distributed.get_rank(), torch.distributed.get_world_size()
        self._buffer: Tensor | None = None

    def rows(self, rows: Tensor) -> Tensor:
        """Every world-th sample of a batch, from this rank's on; may be empty."""
        return rows[self.rank :: self.world]

    def join(self, gradient: Tensor, loss: float, weight: float) -> float:
        """Add up gradients and losses over all processes, each by its weight; one all-reduce.

        Args:
            gradient: flat, changed in place.
            weight: this process's share of the samples; 0 if it had none.

        Returns:
            The loss of the whole batch.
        """
        n = gradient.numel()
        if self._buffer is None or self._buffer.numel() < n + 1:
            with torch.inference_mode(False):
                self._buffer = torch.zeros(n + 1, dtype=gradient.dtype, device=gradient.device)
        buffer = self._buffer[: n + 1]
        if weight:
            torch.mul(gradient, weight, out=buffer[:n])
            buffer[n] = loss * weight
        else:
            buffer.zero_()
        try:
            torch.distributed.all_reduce(buffer)
        except RuntimeError:
            sys.exit(LEFT_ALONE)
        gradient.copy_(buffer[:n])
        return float(buffer[n])

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Give every process the first one's running statistics."""
        for tensor in tensors:
            torch.distributed.broadcast(tensor, 0)

    def gathered(self, values: np.ndarray) -> np.ndarray:
        """Values of which each process has computed some, NaN elsewhere."""
        whole = torch.from_numpy(np.nan_to_num(values, nan=0.0)).contiguous()
        torch.distributed.all_reduce(whole)
        result: np.ndarray = whole.numpy()
        return result


def device(wanted: str) -> str:
    """The device of this process: each takes a GPU of its own."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if wanted == "cuda" else wanted


def join(trainer: Trainer) -> None:
    """Make this process's trainer a part of the run, if the process is part of one."""
    if not is_part():
        return
    if not torch.distributed.is_initialized():
        backend = "nccl" if trainer.plan.device.type == "cuda" else "gloo"
        torch.distributed.init_process_group(backend)
    trainer.shard = shard = Shard()
    if shard.rank and trainer.plan.draws_random:
        trainer.plan.generator.manual_seed(seed_of(trainer.settings.seed, f"rank {shard.rank}"))


def leave() -> None:
    """End this process's part."""
    if is_part() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
