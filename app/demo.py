"""The whole app without a display: the same window, a click on Play, one epoch for real."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QEventLoop, QSettings, QTimer, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from app.canvas import Canvas
from app.engine.engine import Engine
from app.settings import Settings
from app.style import palette
from graphcore.records.score import Score
from graphcore.session import messages as m
from graphcore.views.landscape import LandscapeFrame

LONGEST_MS = 45 * 60 * 1000
FEW_EPOCHS = 20
"""On a small data set one epoch teaches little."""


def run(folder: str | Path) -> int:
    """Train LeNet-5 for an epoch in the main window; leaves result.json and two pictures.

    Returns:
        0, or 1 with a sentence on standard error if training could not be done.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    qInstallMessageHandler(_print_message)
    app = QApplication.instance() or QApplication(["gradscape"])
    assert isinstance(app, QApplication)
    scratch = tempfile.TemporaryDirectory()
    store = QSettings(str(Path(scratch.name) / "settings.ini"), QSettings.Format.IniFormat)
    palette.apply(app, "dark")
    from app.__main__ import make_window

    window = make_window(Settings(store), Path(scratch.name))
    try:
        return _Demo(window, out).run()
    finally:
        window.close()
        scratch.cleanup()


def _print_message(kind: object, context: object, text: str) -> None:
    """Qt's own messages, but for what the offscreen platform cannot do."""
    if not text.startswith("This plugin does not support"):
        print(text, file=sys.stderr)


class _Demo:
    def __init__(self, window: Any, out: Path) -> None:
        self._window, self._out = window, out
        self._engine: Engine = window.engine
        self._canvas: Canvas = window.canvas
        self._loaded: m.Loaded | None = None
        self._score: Score | None = None
        self._last: m.Frame | None = None
        self._speed = 0.0
        self._sentence = ""
        self._surface: LandscapeFrame | None = None
        self._started = False
        self._loop = QEventLoop()
        self._engine.loaded.connect(self._on_loaded)
        self._engine.frame.connect(self._on_frame)
        self._engine.on(LandscapeFrame, self._on_landscape)
        self._engine.failed.connect(lambda failure: self._fail(failure.message))
        self._engine.died.connect(self._fail)

    def run(self) -> int:
        self._window.resize(1600, 1000)
        self._window.show()
        self._window.start("lenet5")
        self._window.layouts.show("Train")
        self._set_epochs(1)
        timer = QTimer(singleShot=True, interval=LONGEST_MS)
        timer.timeout.connect(lambda: self._fail("Training took too long."))
        timer.start()
        self._loop.exec()
        timer.stop()
        if self._sentence:
            print(f"gradscape: {self._sentence}", file=sys.stderr)
            return 1
        self._leave()
        return 0

    def _fail(self, sentence: str) -> None:
        self._sentence = sentence
        self._loop.quit()

    def _on_loaded(self, loaded: m.Loaded) -> None:
        self._loaded = loaded
        epochs = FEW_EPOCHS if loaded.train_samples < 10_000 else 1
        if loaded.total_steps != epochs * loaded.steps_per_epoch:
            self._set_epochs(epochs)
        elif not self._started:
            self._started = True
            print(loaded.note, f"Training LeNet-5 on {loaded.dataset} …", flush=True)
            self._window.transport.play.click()

    def _set_epochs(self, epochs: int) -> None:
        document = self._window.document
        settings = msgspec.structs.replace(document.root.training, epochs=epochs)
        document.set_training(settings)
        document.undo_stack.setClean()  # there is no user to ask about saving

    def _on_frame(self, frame: m.Frame) -> None:
        self._last = frame
        self._speed = frame.samples_per_second or self._speed
        for score in frame.scores:
            self._score = self._score if score.held_back else score
        self._done_when_seen()

    def _on_landscape(self, frame: LandscapeFrame) -> None:
        self._surface = frame
        self._done_when_seen()

    def _done_when_seen(self) -> None:
        """Leave once the epoch is done, scored whole, and its surface is complete."""
        if self._last is None or self._last.state == "running" or not self._last.step:
            return
        surface = self._surface
        scored = self._score is not None and self._score.whole
        if (
            scored
            and surface
            and surface.step == self._last.step
            and surface.level == surface.levels
        ):
            QTimer.singleShot(300, self._loop.quit)

    def _leave(self) -> None:
        assert self._loaded is not None
        assert self._score is not None
        assert self._last is not None
        result = {
            "dataset": self._loaded.dataset, "train_samples": self._loaded.train_samples,
            "test_samples": self._score.samples, "epochs": int(self._last.epoch),
            "steps": self._last.step, "test_accuracy": self._score.accuracy,
            "test_loss": self._score.loss, "samples_per_second": round(self._speed, 1),
            "seconds": round(self._last.step * _batch(self._window) / max(self._speed, 1e-9), 1),
        }  # fmt: skip
        (self._out / "result.json").write_text(json.dumps(result, indent=2) + "\n")
        self._window.grab().save(str(self._out / "window.png"))
        self._window.layouts.docks["landscape"].grab().save(str(self._out / "landscape.png"))
        accuracy = self._score.accuracy or 0.0
        print(f"Test accuracy {accuracy:.2%} on {self._score.samples:,} samples.")
        print(f"{self._out}/result.json, window.png and landscape.png are there to look at.")


def _batch(window: Any) -> int:
    return int(window.document.root.training.batch)
