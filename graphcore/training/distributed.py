"""One run on several processes: each takes its share of every batch, gradients are added up.

The processes are started and watched by torchrun's own launcher. There is one all-reduce per
step, of the flat gradient with the loss at its end, each share weighted by its samples, so the
same global batch gives the same step as in one process. Running statistics (BatchNorm) and
dropout masks are each process's own, as in torch's DistributedDataParallel; at the end of an
epoch all take the first one's statistics.
"""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from graphcore.engine.parameters import seed_of
from graphcore.engine.plan import Plan
from graphcore.errors import (
    EngineError,
    GradscapeError,
    GraphError,
    LostProcessError,
)
from graphcore.late import torch
from graphcore.training.parameter_groups import Group
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor

MARK = "GRADSCAPE_RANK"
"""Set in the environment of a process that is one of several."""
GONE = "A process of the run on another machine is gone, so the run stopped."
AT_FAULT, LEFT_ALONE = 1, 17
"""Exit codes of a process that says what is wrong, and of one whose fellow is gone."""


def is_part() -> bool:
    """Whether this process is one of several of a run."""
    return MARK in os.environ


def speaks() -> bool:
    """Whether this process reports to the user: the only one, or the first of several."""
    return not is_part() or os.environ.get("RANK", "0") == "0"


# -- the process that starts the others -----------------------------------------------------------


def launch(
    command: Sequence[str], *, processes: int, nodes: int = 1, endpoint: str = "", run_id: str = "",
) -> None:  # fmt: skip
    """Run a command of this interpreter in several processes, to the end.

    Args:
        command: arguments of the Python interpreter.
        processes: on this machine; ``nodes`` machines each start as many.
        endpoint: HOST:PORT where the machines meet; left out with one machine.

    Raises:
        LostProcessError: a process ended without saying why.
        GradscapeError: what a process said was wrong, or the machines did not meet.
        KeyboardInterrupt: this process was interrupted or terminated.
    """
    torch.get_num_threads()  # the launcher's own import of a torch that is not loaded yet aborts
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous import RendezvousError
    from torch.distributed.launcher.api import elastic_launch

    logging.disable(logging.CRITICAL)  # one sentence says it, below
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    os.environ[MARK] = os.environ["PYTHONSAFEPATH"] = "1"
    with tempfile.TemporaryDirectory(prefix="gradscape-") as logs:
        config = _launch_config(processes, nodes, endpoint, run_id, logs)
        try:
            elastic_launch(config, sys.executable)(*command)
        except ChildFailedError as failed:
            raise _fault(failed.failures) from None
        except SignalException:
            raise KeyboardInterrupt from None
        except (RendezvousError, ValueError):
            raise _not_met(endpoint, Path(logs)) from None
        finally:
            logging.disable(logging.NOTSET)
            os.environ.pop(MARK, None)


def _launch_config(processes: int, nodes: int, endpoint: str, run_id: str, logs: str) -> Any:
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs
    from torch.distributed.launcher.api import LaunchConfig

    return LaunchConfig(
        min_nodes=nodes, max_nodes=nodes, nproc_per_node=processes,
        run_id=run_id or "gradscape", rdzv_backend="c10d",
        rdzv_endpoint=endpoint or "localhost:0", max_restarts=0,
        local_addr="localhost" if nodes == 1 else None, logs_specs=DefaultLogsSpecs(logs),
    )  # fmt: skip


def _not_met(endpoint: str, logs: Path) -> GradscapeError:
    if any(logs.glob("*/attempt_*")):  # they had met, and processes were started
        return LostProcessError(GONE)
    return GradscapeError(
        f"The machines could not meet at {endpoint or 'localhost'}: it must be reachable "
        "from all of them, and all must give the same --nnodes and --rdzv-id."
    )


def _fault(failures: Mapping[int, Any]) -> GradscapeError:
    """What went wrong, from torch's failures by rank: what a process said, else which one died.

    Those that the launcher ended, or that were left alone, are not the ones at fault.
    """
    said = [f.message for _, f in sorted(failures.items()) if f.error_file_data.get("said")]
    if said:
        return GradscapeError(said[0])
    innocent = (-signal.SIGTERM, -signal.SIGINT, LEFT_ALONE)
    died = [(r, f.exitcode) for r, f in sorted(failures.items()) if f.exitcode not in innocent]
    if not died:
        return LostProcessError(GONE)
    rank, code = died[0]
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return LostProcessError(
        f"Process {rank} of the run ended unexpectedly ({how}), so the run stopped."
    )


def fail(error: GradscapeError) -> NoReturn:
    """End this process and leave the launcher a note of what is wrong."""
    if isinstance(error, LostProcessError):
        stop(LEFT_ALONE)
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if path:
        record = {"message": str(error), "timestamp": int(time.time()), "said": True}
        Path(path).write_text(json.dumps(record))
    stop(AT_FAULT)


def stop(code: int) -> NoReturn:
    """End this process at once: gloo's threads may abort an orderly end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


# -- each of the processes ------------------------------------------------------------------------


class Shard:
    """The part of a run that this process does.

    Attributes:
        share: of the batch that is on, by samples; 0 if this process has none of it.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.rank, self.world = torch.distributed.get_rank(), torch.distributed.get_world_size()
        self.trainer, self.plan, self.share = trainer, trainer.plan, 1.0
        self._sums = {loss for loss in {g.loss for g in trainer.groups} if adds_up(trainer, loss)}
        with torch.inference_mode(False):
            self._buffer = self.plan.flat_grad.new_zeros(self.plan.trainable + 1)
        self._fewest = 2 if trainer.binding.input and trainer.needs_several() else 1

    def begin(self, rows: Tensor, inputs: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Begin a step with this process's part of its batch, which may be empty.

        Args:
            rows: which samples the batch is made of.
            inputs: the samples themselves where they are not taken as they are.
        """
        if self.rank and self.plan.draws_random:
            name = f"rank {self.rank} step {self.trainer.step}"
            self.plan.generator.manual_seed(seed_of(self.trainer.settings.seed, name))
        parts = sharers(len(rows), self.world, self._fewest)
        own = slice(self.rank, None, parts) if self.rank < parts else slice(0, 0)
        mine = rows[own].contiguous()
        self.share = len(mine) / len(rows)
        if inputs is not None:
            inputs = inputs[own].contiguous()
        return mine, inputs

    def step(self, plan: Plan, feeds: Mapping[str, Any], group: Group) -> float:
        """Forward and backward of this share; the gradient and the loss are the whole batch's."""
        loss = plan.step(feeds, group.loss) if self.share else 0.0
        g, n = group.optimizer.g, len(group.optimizer.g)
        buffer = self._buffer[: n + 1]
        weight = 1.0 if group.loss in self._sums else self.share
        if self.share:
            torch.mul(g, weight, out=buffer[:n])
            buffer[n] = loss * weight
        else:
            buffer.zero_()
        self._together(torch.distributed.all_reduce, buffer)
        g.copy_(buffer[:n])
        return float(buffer[n])

    def agree(self) -> None:
        """Give every process the first one's weights and running statistics."""
        for tensor in (self.plan.flat, *self.plan.buffers.values()):
            self._together(torch.distributed.broadcast, tensor, 0)

    def firsts(self, number: float) -> float:
        """The first process's number."""
        tensor = torch.tensor([number], dtype=torch.float64, device=self.plan.device)
        self._together(torch.distributed.broadcast, tensor, 0)
        return float(tensor)

    def gathered(self, values: np.ndarray) -> np.ndarray:
        """Values of which each process has computed some, NaN elsewhere."""
        whole = torch.from_numpy(np.nan_to_num(values, nan=0.0)).to(self.plan.device)
        self._together(torch.distributed.all_reduce, whole)
        result: np.ndarray = whole.cpu().numpy()
        return result

    def handed_round(self, data: bytes) -> bytes:
        """The first process's bytes."""
        size = int(self.firsts(float(len(data))))
        own = torch.frombuffer(bytearray(data), dtype=torch.uint8) if self.rank == 0 else None
        whole = torch.zeros(size, dtype=torch.uint8) if own is None else own
        whole = whole.to(self.plan.device)
        self._together(torch.distributed.broadcast, whole, 0)
        return whole.cpu().numpy().tobytes()

    def _together(self, collective: Any, *arguments: Any) -> None:
        try:
            collective(*arguments)
        except RuntimeError as error:  # gloo and NCCL alike where a connection broke
            raise LostProcessError(f"Another process of the run is gone: {error}") from None


def sharers(samples: int, world: int, fewest: int) -> int:
    """Return how many processes share a batch out, so that each has ``fewest`` samples or none."""
    return max(1, min(world, samples // fewest)) if fewest > 1 else world


def adds_up(trainer: Trainer, loss: str) -> bool:
    """Whether the loss of a batch is the sum of its parts' losses, and not their mean.

    Found by trying: a few samples at once, and the same in two unequal parts. A net that draws
    its inputs at random, as a GAN does, cannot be tried; its losses are taken for means.

    Raises:
        GraphError: it is neither; a batch cannot be shared out.
    """
    plan = trainer.evaluation_plan()

    def of(start: int, stop: int) -> float:
        x, t = trainer.train_x[start:stop], trainer.train_t[start:stop]
        plan.forward(trainer.binding.feeds(x, t))
        return plan.number(loss)

    n = min(5, len(trainer.train_x))
    if n < 2:
        return False
    whole, first, rest = of(0, n), of(0, 1), of(1, n)
    if not math.isfinite(whole) or whole != of(0, n):
        return False
    near = {"rel_tol": 1e-4, "abs_tol": 1e-6 * (abs(first) + abs(rest))}
    if math.isclose(whole, (first + (n - 1) * rest) / n, **near):
        return False
    if math.isclose(whole, first + rest, **near):
        return True
    raise GraphError(
        f"{loss} is neither the mean nor the sum of its samples' losses, so a batch cannot be "
        "shared out: train it in one process."
    )


def device(wanted: str) -> str:
    """The device of this process: each takes a GPU of its own; raises EngineError."""
    if wanted != "cuda" or not is_part():
        return wanted
    own, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if own >= there:
        raise EngineError(f"There are {there} GPUs on this machine: too few for --nproc-per-node.")
    torch.cuda.set_device(own)
    return f"cuda:{own}"


def join(trainer: Trainer) -> None:
    """Make this process's trainer a part of the run, if the process is part of one."""
    if not is_part():
        return
    if not torch.distributed.is_initialized():
        backend = "nccl" if trainer.plan.device.type == "cuda" else "gloo"
        torch.distributed.init_process_group(backend)
    trainer.shard = Shard(trainer)
    trainer.shard.agree()


def leave() -> None:
    """End this process's part."""
    if is_part() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


# -- what a run can be taken up from --------------------------------------------------------------
