"""Whether convolutions write where they must not, and whether their numbers are right.

    python tests/bench/convolution_memory.py [ROUNDS]

Runs convolutions of every kind (layout, stride, groups, dilation, 1 to 9 channels, odd sides,
batches of 1 and more) in a process whose memory is checked at every allocation and release, and
compares both forms in single precision with the plain one in double precision. A memory fault
ends that process; the case that it was at is then printed, and the exit code is 1. Each further
round takes other shapes.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import torch

import graphcore as gc
from graphcore.errors import ShapeError

CHECKER = "libc_malloc_debug.so.0"
"""Part of the GNU C library: puts marks round every block that is allocated and looks at them."""
BAR = 1e-3
"""Largest difference from double precision, of the largest number."""
SECONDS = 60
"""A round that takes longer hangs: a damaged heap may end in an endless loop."""
Case = dict[str, Any]


def main(rounds: int = 1) -> int:
    for seed in range(rounds):
        try:
            child = subprocess.run(
                [sys.executable, __file__, "--round", str(seed)], env=checked(os.environ),
                capture_output=True, text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
            output, code = child.stdout, child.returncode
            said = child.stderr.strip().splitlines()[-1:]
        except subprocess.TimeoutExpired as late:
            output, code, said = str(late.stdout or b"", "utf-8"), -1, ["it hangs"]
        lines = output.splitlines()
        if code:
            print(f"round {seed} ended with {code}: {' '.join(said)}", *lines[-2:], sep="\n")
            return 1
        print(f"round {seed}: {lines[-1]}")
    return 0


def checked(environment: Any) -> dict[str, str]:
    """An environment whose processes check their memory, as far as the C library can."""
    found = {**environment, "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165", "OMP_NUM_THREADS": "1"}
    folders = ("/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/lib/aarch64-linux-gnu")
    for folder in folders:
        if Path(folder, CHECKER).exists():
            return {**found, "LD_PRELOAD": str(Path(folder, CHECKER))}
    return found


def run_round(seed: int) -> None:
    """Run every case of a round; the last line printed counts them."""
    torch.set_num_threads(1)
    kept: list[torch.Tensor] = []
    done = 0
    for case in cases(random.Random(seed)):
        print(case, flush=True)
        difference = compare(case, kept)
        if difference is not None:
            done += 1
            assert difference <= BAR, f"off by {difference:.1e}"
    print(f"{done} convolutions are right")


def cases(chance: random.Random) -> list[Case]:
    """Kernel, stride, channels and sides in every combination, the rest by chance."""
    pick = chance.choice
    found = []
    for kernel, stride, channels, odd in product((1, 3), (1, 2, (2, 1), 3), range(1, 10), (0, 1)):
        step = max(stride) if isinstance(stride, tuple) else stride
        side = 6 * pick((1, 2, 4)) if step < 3 or not odd else 12
        found.append({
            "operator": "Conv2d", "kernel_size": kernel, "stride": stride,
            "x": (pick((1, 5, 32)), channels, side + odd, side + odd * pick((1, 2))),
            "padding": pick((0, 0, 0, 1)), "dilation": pick((1, 1, 2)),
            "groups": pick((1, 1, 1, channels)), "multiple": pick((1, 2, 8)),
            "last": pick((False, False, True)), "inner": pick((False, True)),
            "pooled": pick((False, True)),
        })  # fmt: skip
    for kind, kernel, stride, channels in product(
        ("ConvTranspose2d", "Conv1d"), (1, 2), (1, 2), range(1, 10)
    ):
        sides = (8, 8) if kind == "ConvTranspose2d" else (8,)
        found.append({
            "operator": kind, "kernel_size": kernel, "stride": stride,
            "x": (pick((1, 5, 32)), channels, *sides), "padding": 0, "dilation": 1,
            "groups": pick((1, 1, channels)), "multiple": pick((1, 2, 8)),
            "last": pick((False, True)), "inner": pick((False, True)), "pooled": False,
        })  # fmt: skip
    return found


def compare(case: Case, kept: list[torch.Tensor]) -> float | None:
    """Largest difference of a case from double precision; None where its shapes do not fit."""
    try:
        graph = net(case)
        exact, *single = (
            gc.compile(graph, dtype=dtype, mode=mode)
            for dtype, mode in (
                ("float64", "inspect"),
                ("float32", "inspect"),
                ("float32", "train"),
            )
        )
    except ShapeError:
        return None
    worst = 0.0
    for _ in range(3):
        x = torch.randn(case["x"])
        exact.flat.copy_(single[0].flat)
        wanted = gradients(exact, x.double())
        if case["last"] and x.dim() == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        for plan in single:
            for mine, right in zip(gradients(plan, x), wanted, strict=True):
                difference = (mine - right).abs().max() / right.abs().max().clamp(min=1e-3)
                worst = max(worst, float(difference))
        kept.append(torch.randn(random.randint(1, 5000)))
        del kept[: -random.randint(1, 20)]
    return worst


def net(case: Case) -> gc.Graph:
    """The convolution, in the midst of a net or at its beginning, alone or pooled."""
    graph = gc.Graph()
    last = graph.add("Input", name="x", shape=case["x"][1:])
    names = ("kernel_size", "stride", "padding", "dilation", "groups")
    attributes = {name: case[name] for name in names}
    channels = case["groups"] * case["multiple"]
    layers = [("Conv", case["operator"], {**attributes, "out_channels": channels})]
    if case["inner"]:
        layers.insert(0, ("Tanh", "Tanh", {}))
    if case["pooled"]:
        layers += [("ReLU", "ReLU", {}), ("Pool", "MaxPool2d", {"kernel_size": 2})]
    for name, operator, options in [*layers, ("Softplus", "Softplus", {}), ("loss", "Mean", {})]:
        node = graph.add(operator, name=name, **options)
        graph.connect(last, node)
        last = node
    return graph


def gradients(plan: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """The loss and every parameter's gradient."""
    plan.forward({"x": x}, training=True)
    plan.backward("loss")
    return [plan.value("loss").double(), *(g.double().clone() for g in plan.gradients.values())]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--round"]:
        run_round(int(sys.argv[2]))
    else:
        sys.exit(main(*map(int, sys.argv[1:])))
