"""``gradscape bench --to-accuracy``: how long a command takes until its net reads MNIST well.

From the start of the command to its end: the import of torch, reading the data, training and
testing. Beside it, in turn, the shortest script in plain PyTorch that does the same.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

from graphcore import datasets
from graphcore.cli.train import TEST_EVERY
from graphcore.errors import DataError, GradscapeError
from graphcore.system import start

BATCH, LR, MOST_EPOCHS = 64, 1e-3, 20
GOALS = {"mlp-128": 0.97, "tiny-conv": 0.98, "lenet5": 0.98}
"""Preset -> share of the test split: 98 % is more than every run of the first comes to."""
LAYERS = {
    "mlp-128": "nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)",
    "tiny-conv": "nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, "
                 "5, padding=2), nn.ReLU(), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, 10)",
    "lenet5": "nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), "
              "nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), "
              "nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)",
}  # fmt: skip
"""Preset -> its layers, as one writes them."""
SCRIPT = """
import gzip, sys, torch
from torch import nn
torch.manual_seed({seed})
torch.set_num_threads({threads})
def read(path, skip):
    data = (gzip.open if path.endswith(".gz") else open)(path, "rb").read()
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=skip)
x, t, test_x, test_t = (read(p, s) for p, s in zip(sys.argv[1:], (16, 8, 16, 8)))
x, test_x = (images.view(-1, 1, 28, 28) / 255 for images in (x, test_x))
t, test_t = t.long(), test_t.long()
model = nn.Sequential({layers})
optimizer = torch.optim.Adam(model.parameters(), lr={lr})
step = 0
for epoch in range({epochs}):
    for rows in torch.randperm(len(x)).split({batch}):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), t[rows]).backward()
        optimizer.step()
        step += 1
        if step % {every} == 0:
            with torch.no_grad():
                accuracy = (model(test_x).argmax(1) == test_t).float().mean().item()
            if accuracy >= {goal}:
                print(step, accuracy)
                sys.exit()
"""


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Time both for each net, in turn, a seed per turn; raises DataError without MNIST.

    Returns:
        a row per net: median seconds of each and of their ratio, and the median of the steps.
    """
    paths = datasets.find_mnist()
    if paths is None:
        raise DataError("MNIST is not on this machine: 'gradscape data fetch mnist' fetches it.")
    threads = os.cpu_count() or 1
    rows = []
    for net in LAYERS:
        ours, plain = list[tuple[float, int]](), list[tuple[float, int]]()
        for seed in range(1 if quick else 5):
            ours.append(_ours(net, seed, threads))
            plain.append(_plain(net, seed, threads, [str(path) for path in paths]))
        ratios = [b[0] / a[0] for a, b in zip(ours, plain, strict=True)]
        rows.append(
            {
                "net": net, "accuracy": GOALS[net], "threads": threads,
                "ours_s": statistics.median(s for s, _ in ours),
                "plain_s": statistics.median(s for s, _ in plain),
                "times_plain": statistics.median(ratios),
                "ours_steps": statistics.median(n for _, n in ours),
                "plain_steps": statistics.median(n for _, n in plain),
            }
        )  # fmt: skip
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows for people."""
    lines = [
        f"{'net':10}{'to':>6}{'ours':>9}{'PyTorch':>9}{'times':>7}{'steps: ours':>13}{'PyTorch':>9}"
    ]
    lines += [
        f"{r['net']:10}{r['accuracy']:6.0%}{r['ours_s']:8.1f}s{r['plain_s']:8.1f}s{r['times_plain']:7.2f}"
        f"{r['ours_steps']:13.0f}{r['plain_steps']:9.0f}"
        for r in rows
    ]
    threads = rows[0]["threads"]
    lines.append(
        f"to a share of MNIST's test split, tested every {TEST_EVERY} steps, Adam, batch {BATCH}, "
        f"{threads} threads; seconds from the start of the command to its end"
    )
    return "\n".join(lines)


def _ours(net: str, seed: int, threads: int) -> tuple[float, int]:
    arguments = [
        "train", net, "--optimizer", "Adam", "--lr", str(LR), "--schedule", "constant", "--batch",
        str(BATCH), "--epochs", str(MOST_EPOCHS), "--seed", str(seed), "--threads", str(threads),
        "--until", str(GOALS[net]), "--json",
    ]  # fmt: skip
    seconds, said = _timed(start.command("graphcore.cli.main", *arguments))
    result = json.loads(said.splitlines()[-1])
    if not result["test_accuracy"] >= GOALS[net]:
        raise GradscapeError(f"{net} did not reach {GOALS[net]:.0%} in {MOST_EPOCHS} epochs.")
    return seconds, result["steps"]


def _plain(net: str, seed: int, threads: int, paths: list[str]) -> tuple[float, int]:
    script = SCRIPT.format(
        seed=seed, threads=threads, layers=LAYERS[net], lr=LR, epochs=MOST_EPOCHS, batch=BATCH,
        every=TEST_EVERY, goal=GOALS[net],
    )  # fmt: skip
    seconds, said = _timed([sys.executable, "-c", script, *paths])
    if not said:
        raise GradscapeError(f"PyTorch's {net} did not reach {GOALS[net]:.0%}.")
    return seconds, int(said.split()[0])


def _timed(command: list[str]) -> tuple[float, str]:
    """Return how long a command takes and what it prints."""
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise GradscapeError(f"A timed command failed: {done.stderr.strip()[-300:]}")
    return seconds, done.stdout.strip()
