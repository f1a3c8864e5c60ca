"""A monkey at the window: thousands of random actions, real engine, nothing may give way.

    python tests/bench/monkey.py [ACTIONS] [SEED]

Five thousand actions by default, in rounds of 500 with a new window and seed each. Prints the
seed, what was done and how often; a fault prints the last actions and ends with exit code 1.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PySide6.QtWidgets import QApplication

from app.style import palette
from tests.app.monkey import Fault, Monkey, close_window, make_window

ROUND = 500


def main(actions: int = 5000, seed: int = 1) -> int:
    """Play in rounds; return the exit code."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    palette.apply(app, "dark")
    faults = 0
    for first in range(0, actions, ROUND):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            window = make_window(Path(folder))
            monkey = Monkey(window, seed)
            try:
                window.start("circle")
                monkey.play(min(ROUND, actions - first))
            except Fault as fault:
                faults += 1
                print(fault, flush=True)
            close_window(window)
        kinds = ", ".join(f"{name} {n}" for name, n in sorted(monkey.counts.items()))
        print(f"seed {seed}: {time.monotonic() - begun:.0f} s; {kinds}", flush=True)
        seed += 1
    print(f"{faults} faults", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    code = main(*(int(given) for given in sys.argv[1:3]))
    sys.stdout.flush()
    import os

    os._exit(code)  # Qt may crash when Python takes apart what is left of ten windows
