"""Whether this version is slower than another one, figure by figure, side by side.

    python tests/bench/against.py FOLDER [TURNS] [NAME ...]

FOLDER holds another checkout. The benchmarks (all, or those named) are run in both, taking turns
(10 times unless told), and of each figure the median ratio other / this is printed with its 95 %
interval (bootstrap over the turns). Above 1 this version is the faster. A figure whose whole
interval lies below 0.97 is marked. Read it on a machine that does nothing else.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

THIS = Path(__file__).resolve().parents[2]
NUMBER = r"([\d.]+)"
TRAINED = {  # preset -> epochs
    "784-16-16-10": 3, "lenet5": 1, "circle": 100, "lstm-rows": 1, "autoencoder": 1,
}  # fmt: skip
PRINTED = {  # script: figure -> its line; the smaller the better
    "canvas": {
        "canvas: fit 10,000 nodes": rf"\n10000 nodes.*?fit all .*?: {NUMBER} ms",
        "canvas: zoom 1.0, 1,000 nodes": rf"zoom 1\.0: {NUMBER} ms",
        "canvas: zoom 0.51, 1,000 nodes": rf"zoom 0\.51: {NUMBER} ms",
        "canvas: open 10,000 nodes": rf"\n10000 nodes.*?open {NUMBER} s",
    },
    "stepper": {"stepper: step": rf"median +{NUMBER} ms"},
    "scrub": {"scrub: step": rf"median +{NUMBER} ms"},
    "startup": {"startup: first paint": rf"first paint {NUMBER} s"},
    "live": {"live: paint to paint": rf"interval median +{NUMBER} ms"},
}
ARGUMENTS = {"startup": ["1"], "live": ["3"]}
SHARES = {"live: speed kept": rf"no landscape .*without a window: {NUMBER}%"}
"""Figures of the same scripts of which more is better."""


def main(folder: str, turns: str = "10", *names: str) -> None:
    measured: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(int(turns)):
        for name in names or ("train", *PRINTED):
            measure = _trained if name == "train" else _printed
            other, ours = measure(Path(folder).resolve(), name), measure(THIS, name)
            for figure in ours.keys() & other.keys():
                measured[figure].append((other[figure], ours[figure]))
        sys.stdout.write(".")
        sys.stdout.flush()
    print()
    for figure, pairs in sorted(measured.items()):
        _print_ratio(figure, np.array(pairs))


def _print_ratio(figure: str, pairs: np.ndarray) -> None:
    ratios = pairs[:, 0] / pairs[:, 1]
    drawn = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    other, ours = np.median(pairs, axis=0)
    slower = "  SLOWER" if high < 0.97 else ""
    print(f"{figure:34} {other:9.4g} -> {ours:9.4g}   "
          f"{np.median(ratios):.2f} [{low:.2f}, {high:.2f}]{slower}")  # fmt: skip


def _trained(folder: Path, name: str) -> dict[str, float]:
    """Seconds per preset, as the command line reports them."""
    found = {}
    for preset, epochs in TRAINED.items():
        text = _run(folder, "-m", "app", "train", preset, "--epochs", str(epochs), "--threads",
                    "1", "--json")  # fmt: skip
        lines = text.strip().splitlines()
        if lines:
            found[f"train: {preset}"] = json.loads(lines[-1])["seconds"]
    return found


def _printed(folder: Path, name: str) -> dict[str, float]:
    text = _run(folder, f"tests/bench/{name}.py", *ARGUMENTS.get(name, ()))
    found = {}
    for figure, pattern in PRINTED[name].items():
        if match := re.search(pattern, text, re.DOTALL):
            found[figure] = float(match[1])
    for figure, pattern in SHARES.items():
        if figure.startswith(name) and (match := re.search(pattern, text)):
            found[figure] = 1 / float(match[1])
    return found


def _run(folder: Path, *arguments: str) -> str:
    environment = {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1", **os.environ}
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
