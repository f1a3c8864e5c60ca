"""How smooth the window is while LeNet-5 trains, and what watching costs the training.

    python tests/bench/live.py [SECONDS]

Prints the intervals between completed paints of the canvas (median, 99th percentile, share
within 33 ms), the training speed with the window and without, on the same number of threads,
and the share of the worker's time that the landscape takes. Read the ratios.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from app.__main__ import make_window
from app.settings import Settings
from app.style import palette
from graphcore.worker import messages as m

WARM_UP = 5.0


class Paints(QObject):
    """When the canvas finished a paint."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, self._note)
        return False

    def _note(self) -> None:
        self.times.append(time.perf_counter())


def main(seconds: float = 20.0) -> None:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication(["bench"])
    palette.apply(app, "dark")
    with tempfile.TemporaryDirectory() as folder:
        store = QSettings(str(Path(folder) / "s.ini"), QSettings.Format.IniFormat)
        window = make_window(Settings(store), Path(folder))
        window.resize(1600, 1000)
        window.show()
        window.start("lenet5")
        window.layouts.show("Train")
        alone = _run(window, seconds / 2, watch=False)
        with_window = _run(window, seconds, watch=True)
        window.document.undo_stack.setClean()
        window.close()
    gaps = [1000 * (b - a) for a, b in zip(with_window[1], with_window[1][1:], strict=False)]
    gaps.sort()
    print(f"paints           {len(gaps)}")
    print(f"interval median  {statistics.median(gaps):.1f} ms")
    print(f"interval p99     {gaps[int(len(gaps) * 0.99)]:.1f} ms")
    print(f"within 33 ms     {sum(g <= 33 for g in gaps) / len(gaps):.1%}")
    print(f"steps/s watched  {with_window[0]:.1f}")
    print(f"steps/s unseen   {alone[0]:.1f}")
    print(f"share kept       {with_window[0] / alone[0]:.1%}")


def _run(window: object, seconds: float, watch: bool) -> tuple[float, list[float]]:
    """Steps per second and paint times of one stretch of training."""
    engine, canvas = window.engine, window.canvas  # type: ignore[attr-defined]
    window.setVisible(watch)  # type: ignore[attr-defined]
    if not watch:
        engine.watch((), (), False)
    paints = Paints()
    canvas.viewport().installEventFilter(paints)
    _until(lambda: engine.state in ("idle", "done", "running"), 60)
    engine.reset()
    engine.play()
    _wait(WARM_UP)
    paints.times.clear()
    begun, first = time.perf_counter(), engine.last_frame
    assert isinstance(first, m.Frame)
    _wait(seconds)
    last, took = engine.last_frame, time.perf_counter() - begun
    engine.pause()
    _until(lambda: engine.state != "running", 10)
    canvas.viewport().removeEventFilter(paints)
    return (last.step - first.step) / took, list(paints.times)


def _wait(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.0005)


def _until(holds: object, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while not holds():  # type: ignore[operator]
        assert time.perf_counter() < end, "the engine did not answer in time"
        _wait(0.01)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
