"""Convolutions of every kind write nowhere but where they must, and give the right numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "bench" / "convolution_memory.py"


def test_no_route_of_a_convolution_damages_memory() -> None:
    """In a process of its own, whose allocator looks at every block."""
    command = [sys.executable, str(SCRIPT), "1"]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stdout + child.stderr
