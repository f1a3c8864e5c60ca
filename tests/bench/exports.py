"""Exports every preset in every form, famous nets too, and takes it back.

    python tests/bench/exports.py [--to torch onnx keras pt2] [NAME ...]

An ONNX file and a program (.pt2) are opened again and have to be the graph and the weights that
they came from; a script runs its own self-test. Each net is exported in a process of its own.
Prints seconds, the largest memory and what was said; ends with 1 where one fails. What has no form
in ONNX or Keras is refused by name, and is no failure.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from graphcore import presets
from graphcore.cli import main as cli
from graphcore.cli.exchange import FORMATS

ONE = "--one"
REFUSED = ("has no form in", "nothing was written")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=presets.names())
    parser.add_argument("--to", nargs="+", choices=FORMATS, default=FORMATS)
    options = parser.parse_args()
    failed = 0
    for name in options.names:
        for form in options.to:
            begun = time.perf_counter()
            done = subprocess.run(
                [sys.executable, __file__, ONE, name, form],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            said = (done.stderr if done.returncode else done.stdout).strip().splitlines()[-1:]
            failed += bool(done.returncode) and not any(r in str(said) for r in REFUSED)
            word, seconds = "FAILED" if done.returncode else "ok", time.perf_counter() - begun
            print(f"{name:20} {form:6} {word:6} {seconds:6.1f} s  {' '.join(said)}", flush=True)
    return 1 if failed else 0


def one(name: str, form: str) -> None:
    """Export a preset, and try what was written; raises what is wrong."""
    from tests.graphcore.files.test_round_trip import assert_same, by_onnx, by_torch

    with tempfile.TemporaryDirectory() as folder:
        if form == "onnx":
            assert_same(*by_onnx(name, Path(folder)))
        elif form == "pt2":
            assert_same(*by_torch(name, Path(folder), traced=True))
        else:
            if code := cli.main(["export", name, "--to", form, "--out", folder]):
                sys.exit(code)  # why is the last that was said
            (script,) = Path(folder).glob("*.py")
            backend = {**os.environ, "KERAS_BACKEND": "torch"}
            subprocess.run([sys.executable, str(script)], check=True, env=backend)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"comes back, at most {memory:.1f} GB")


if __name__ == "__main__":
    if sys.argv[1:2] == [ONE]:
        one(*sys.argv[2:])
    else:
        sys.exit(main())
