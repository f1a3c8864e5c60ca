"""The real window on LeNet-5, for the benchmarks that look at it."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop, QSettings, Qt, QTimer
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from needed_data import need_mnist

from app.__main__ import make_window
from app.engine.place import Place
from app.settings import Settings
from app.style import palette


@contextmanager
def lenet5() -> Iterator[Any]:
    """A shown window with an engine of one thread and settings of its own."""
    need_mnist()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication.instance() or QApplication(["bench"])
    palette.apply(app, "dark")
    with tempfile.TemporaryDirectory() as folder:
        store = QSettings(str(Path(folder) / "s.ini"), QSettings.Format.IniFormat)
        window = make_window(Settings(store), Path(folder))
        window.resize(1600, 1000)
        window.engine.place = Place(threads=1)
        window.show()
        window.start("lenet5")
        yield window
        window.document.undo_stack.setClean()
        window.close()


def rest(seconds: float) -> None:
    """Let the window go on, woken by nothing but what it does itself."""
    loop = QEventLoop()
    timer = QTimer(loop, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(loop.quit)
    timer.start(round(1000 * seconds))
    loop.exec()


def until(holds: Callable[[], object], seconds: float) -> None:
    """Let the window go on until something holds; an AssertionError if it takes longer."""
    end = time.perf_counter() + seconds
    while not holds():
        assert time.perf_counter() < end, "the engine did not answer in time"
        QApplication.processEvents()
        time.sleep(0.0005)
