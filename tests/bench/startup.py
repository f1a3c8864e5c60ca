"""Launch to first paint of the window, against ``import PySide6, pyqtgraph``: at most twice that.

Run: python tests/bench/startup.py [repeats]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from needed_data import need_mnist

ROOT = Path(__file__).resolve().parents[2]
BASE = "import PySide6, PySide6.QtWidgets, pyqtgraph"
LAUNCH = """
import os, sys
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
import app.__main__ as entry

class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.UpdateRequest and hasattr(watched, "canvas"):
            watched.event(event)  # paints
            os._exit(0)
        return False

real = QApplication.exec
def run():
    watcher = FirstPaint()
    QApplication.instance().installEventFilter(watcher)
    return real()
QApplication.exec = staticmethod(run)
entry.main(["lenet5"])
"""


def seconds(code: str, environment: dict[str, str]) -> float:
    """Wall-clock time of a fresh interpreter that runs the code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    return time.perf_counter() - start


def main() -> None:
    need_mnist()
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as home:
        folders = {f"XDG_{k}_HOME": f"{home}/{k}" for k in ("CONFIG", "DATA", "STATE", "CACHE")}
        environment = {**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen"}
        base = [seconds(BASE, environment) for _ in range(repeats)]
        launch = [seconds(LAUNCH, environment) for _ in range(repeats)]
    a, b = statistics.median(base), statistics.median(launch)
    print(f"import {a:.3f} s, launch to first paint {b:.3f} s, ratio {b / a:.2f} (bar: 2.00)")


if __name__ == "__main__":
    main()
