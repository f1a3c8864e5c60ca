"""The other side of the benchmark: a plain PyTorch loop in a process of its own.

Torch is as it comes: nothing that our engine sets up for itself holds here. A line of standard
input is a number of steps; the answer is how many seconds they took.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, Literal

from graphcore.cli.bench_models import MODELS, data_for
from graphcore.engine import devices
from graphcore.errors import GradscapeError
from graphcore.late import torch
from graphcore.system import start

LR, MOMENTUM = 0.01, 0.9
Kind = Literal["eager", "dataloader", "compiled"]
"""Batches of shuffled tensors, those of a DataLoader, or the model given to ``torch.compile``."""


class Loop:
    """A loop that runs in a process of its own, which ends with ``close``.

    Args:
        kind, net, batch: what is trained, and how.
        threads, device, precision: what it is trained on.
    """

    def __init__(
        self, kind: Kind, net: str, batch: int, threads: int, device: str = "cpu",
        precision: str = "float32",
    ) -> None:  # fmt: skip
        command = start.command(
            "graphcore.cli.bench_eager", kind, net, str(batch), str(threads), device, precision
        )
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def __call__(self, steps: int) -> float:
        """Return how many seconds a number of steps takes; raises GradscapeError."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{steps}\n")
            process.stdin.flush()
            return float(process.stdout.readline())
        except (OSError, ValueError):
            said = process.communicate()[1].strip().splitlines()
            raise GradscapeError(f"PyTorch's loop ended: {said[-1] if said else ''}") from None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def step_of(kind: str, net: str, batch: int, device: str, precision: str) -> Callable[[], object]:
    """Return one step of a loop as people write it."""
    model = MODELS[net].model().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    split = data_for(net).train
    x, t = torch.from_numpy(split.inputs).to(device), torch.from_numpy(split.targets).to(device)
    batches = _from_loader(x, t, batch) if kind == "dataloader" else _from_tensors(x, t, batch)
    answer = torch.compile(model) if kind == "compiled" else model
    family = torch.device(device).type

    def step() -> float:
        xs, ts = next(batches)
        optimizer.zero_grad()
        rounds = precision == "bfloat16"
        with torch.autocast(family, dtype=torch.bfloat16) if rounds else nullcontext():
            loss = MODELS[net].loss(answer(xs), xs, ts)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def _from_tensors(x: Any, t: Any, batch: int) -> Iterator[tuple[Any, Any]]:
    while True:
        order = torch.randperm(len(x)).to(x.device)
        for i in range(0, len(x), batch):
            rows = order[i : i + batch]
            yield x[rows], t[rows]


def _from_loader(x: Any, t: Any, batch: int) -> Iterator[tuple[Any, Any]]:
    data = torch.utils.data.TensorDataset(x, t)
    while True:
        yield from torch.utils.data.DataLoader(data, batch_size=batch, shuffle=True)


def main(arguments: list[str]) -> None:
    """Run as many steps as each line of standard input says."""
    kind, net, batch, threads, device, precision = arguments
    torch.set_num_threads(int(threads))
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
    step = step_of(kind, net, int(batch), device, precision)
    for line in sys.stdin:
        begun = time.perf_counter()
        for _ in range(int(line)):
            step()
        devices.synchronize(device)
        print(time.perf_counter() - begun, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
