"""Launch to first paint and to a net that can be trained, beside what has to be imported.

First paint: at most 1.5 times ``import PySide6, pyqtgraph``. Play: at most once ``import torch``
later. Compiled modules are kept, as they are where the app is installed.

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
import os, sys, time
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
import app.__main__ as entry

class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.UpdateRequest and hasattr(watched, "canvas"):
            watched.event(event)  # paints
            if sys.argv[-1] != "play":
                os._exit(0)
            QApplication.instance().removeEventFilter(self)
            painted, engine = time.perf_counter(), watched.engine
            engine.state_changed.connect(lambda state: state == "idle" and end(engine, painted))
        return False

def end(engine, painted):
    print(time.perf_counter() - painted)
    engine.close()
    sys.stdout.flush()
    os._exit(0)

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


def play(environment: dict[str, str]) -> float:
    """Seconds from the first paint until the net can be trained."""
    command = [sys.executable, "-c", LAUNCH, "play"]
    said = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return float(said.stdout.split()[-1])


def main() -> None:
    need_mnist()
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as home:
        folders = {f"XDG_{k}_HOME": f"{home}/{k}" for k in ("CONFIG", "DATA", "STATE", "CACHE")}
        environment = {**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = f"{home}/compiled"
        measures = {
            "import PySide6, pyqtgraph": lambda: seconds(BASE, environment),
            "launch to first paint": lambda: seconds(LAUNCH, environment),
            "import torch": lambda: seconds("import torch", environment),
            "first paint to Play": lambda: play(environment),
        }
        times = {name: [measure()][:0] for name, measure in measures.items()}
        for _ in range(repeats):
            for name, measure in measures.items():
                times[name].append(measure())
    qt, paint, torch, ready = (statistics.median(found) for found in times.values())
    print(f"import {qt:.3f} s, launch to first paint {paint:.3f} s, ratio {paint / qt:.2f} "
          "(bar: 1.50)")  # fmt: skip
    print(f"import torch {torch:.3f} s, first paint to Play {ready:.3f} s, "
          f"ratio {ready / torch:.2f} (bar: 1.00)")  # fmt: skip


if __name__ == "__main__":
    main()
