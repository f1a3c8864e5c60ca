"""A benchmark that lacks its data set says so and measures nothing else instead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench"


@pytest.mark.parametrize("name", ["helper", "lessons", "live", "scrub", "startup", "stepper"])
def test_without_its_data_a_benchmark_ends_with_a_sentence(name: str, tmp_path: Path) -> None:
    nowhere = {"GRADSCAPE_DATA": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(BENCH / f"{name}.py")], cwd=BENCH.parents[1],
        env={**os.environ, **nowhere, "PYTHONPATH": str(BENCH.parents[1])},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "needs MNIST" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
