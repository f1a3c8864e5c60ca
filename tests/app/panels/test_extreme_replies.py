"""Whatever numbers a net gives, every panel of the window shows its replies without an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("extreme_replies.py")


@pytest.mark.parametrize(
    ("first", "second"),
    [("circle", "xor"), pytest.param("lenet5", "circle", marks=pytest.mark.mnist)],
)
def test_no_reply_makes_a_panel_fail(tmp_path, first, second):
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), first, second],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
