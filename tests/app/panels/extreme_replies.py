"""Gives every panel replies with numbers that no net should give; a program, for a crash ends it.

The replies of a real engine are kept, and sent again with other numbers at several widths.
"""

from __future__ import annotations

import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PySide6.QtCore import QSettings, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QWidget

from app.document.document import Document
from app.engine.engine import Engine
from app.settings import Settings
from app.shell.main_window import MainWindow
from app.style import palette
from graphcore.records.arrays import Array, pack, unpack
from graphcore.records.requests import Outcome, Reply
from graphcore.session.messages import Frame, Hold
from graphcore.views.digit_pad import DigitRequest, NearestRequest
from graphcore.views.embedding import TsneRequest
from graphcore.views.race import RaceFrame
from graphcore.views.rate_test import RateTestRequest
from graphcore.views.saliency import AttributionRequest
from graphcore.views.samples import SampleRequest
from graphcore.views.stepper import CheckRequest, ElementRequest, NumbersRequest
from graphcore.views.weights import TensorRequest
from graphcore.worker.protocol import by_name

WIDTHS = (20, 300, 1500)
KINDS = {
    "huge": [1e34, -1e34, 1.0],
    "largest": [1.7e308, -1.7e308, 3e38],
    "infinite": [np.inf, -np.inf, 1.0],
    "missing": [np.nan],
    "gaps": [1.0, np.nan, 3.0],
    "equal": [3.0],
    "zero": [0.0],
}
WAIT_S = 60.0


def other(value: Any, numbers: list[float]) -> Any:
    """The same reply with these numbers in place of its real ones; whole numbers stay."""
    if isinstance(value, Array):
        array = unpack(value)
        real = array.dtype.kind == "f"
        return (
            pack(np.resize(np.array(numbers), array.shape).astype(array.dtype)) if real else value
        )
    if isinstance(value, msgspec.Struct):
        fields = {f: other(getattr(value, f), numbers) for f in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    if isinstance(value, dict):
        return {key: other(held, numbers) for key, held in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(other(held, numbers[i % len(numbers) :]) for i, held in enumerate(value))
    return numbers[0] if isinstance(value, float) else value


class Recording:
    """The newest reply of every signal of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.replies = engine, {}
        self._signals = {kind: engine.replies(kind) for kind in by_name(Reply).values()}
        self._signals[Frame] = engine.frame
        for kind, signal in self._signals.items():
            signal.connect(lambda reply, kind=kind: self._keep(kind, reply))
        self.on = True

    def _keep(self, kind: type[Reply], reply: Any) -> None:
        if self.on and not issubclass(kind, Outcome):
            self.replies[kind] = reply

    def send(self, change: Any) -> None:
        """Emit every reply, changed."""
        self.on = False
        for kind, reply in self.replies.items():
            self._signals[kind].emit(change(reply))


def wait(seconds: float, until: Any = lambda: False) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        QApplication.processEvents()
        time.sleep(0.005)


def fill(window: MainWindow, preset: str) -> tuple[Recording, dict[str, QWidget]]:
    """Open a preset, train a little, and have everything sent that a panel shows."""
    engine = window.engine
    window.show()
    window.start(preset)
    wait(WAIT_S, lambda: engine.has_net)
    assert engine.has_net
    panels = {name: dock.fill() for name, dock in window.layouts.docks.items()}
    recording = Recording(engine)
    node = next(iter(window.document.graph)).name
    learned = next(n.name for n in window.document.graph if n.parameter_inputs)
    for panel in panels.values():
        if hasattr(panel, "set_seen"):
            panel.set_seen(True)
        if hasattr(panel, "show_selection"):
            panel.show_selection([learned])
    engine.shown.watch((node, learned), (learned,))
    engine.run(20)
    wait(3.0)
    for ask in (
        lambda: engine.ask(DigitRequest(pack(np.ones((28, 28), np.float32)))),
        lambda: engine.ask(NearestRequest(pack(np.ones((28, 28), np.float32)), node=learned)),
        lambda: engine.ask(NumbersRequest(learned)),
        lambda: engine.ask(ElementRequest(learned)),
        lambda: engine.ask(CheckRequest(1e-3)),
        lambda: engine.ask(TensorRequest(f"{learned}.weight")),
        lambda: engine.ask(AttributionRequest(node=learned)),
        lambda: engine.look(SampleRequest((learned,))),
        lambda: engine.hold((Hold(learned),)),
        lambda: engine.ask(TsneRequest(learned)),
        lambda: engine.ask(RateTestRequest()),
        lambda: engine.ask(RateTestRequest(run=False)),
        panels["race"].start.click,
    ):
        ask()
        wait(1.0)
    wait(10.0, lambda: RaceFrame in recording.replies)
    panels["race"].start.click()
    wait(0.5)
    return recording, panels


def show(panels: dict[str, QWidget], recording: Recording) -> None:
    """Show every panel every kind of numbers at every width."""
    for panel in panels.values():
        panel.setParent(None)
        panel.setMinimumSize(0, 0)
    for width in WIDTHS:
        for panel in panels.values():
            panel.resize(width, 400)
            panel.show()
        for kind, numbers in KINDS.items():
            print(width, kind, flush=True)
            recording.send(lambda reply, numbers=numbers: other(reply, numbers))
            grab(panels)
        print(width, "empty", flush=True)
        recording.send(emptied)
        grab(panels)
        print(width, "as it was", flush=True)
        recording.send(lambda reply: reply)
        grab(panels)


def emptied(reply: Any) -> Any:
    """The reply as it is where there is nothing to say, if it has such a form."""
    try:
        return type(reply)()
    except TypeError:
        return reply


def grab(panels: dict[str, QWidget]) -> None:
    for _ in range(3):
        QApplication.processEvents()
    for name, panel in panels.items():
        print("  ", name, flush=True)
        panel.grab()


def main(home: str, first: str, second: str) -> int:
    """Show the panels the numbers of one preset, and its replies once another one is open."""
    app = QApplication([])
    palette.apply(app, "dark")
    warnings.simplefilter("ignore")
    faults: set[str] = set()

    def note_warning(kind: object, context: object, text: str) -> None:
        if "This plugin does not support" not in text:
            faults.add(f"Qt: {text}")

    def note(kind: type[BaseException], error: BaseException, trace: object) -> None:
        where = traceback.extract_tb(error.__traceback__)
        inside = [f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in where[-4:]]
        faults.add(f"{kind.__name__}: {error} in {', '.join(inside)}")

    sys.excepthook = note
    qInstallMessageHandler(note_warning)
    folder, document = Path(home), Document()
    settings = Settings(QSettings(str(folder / "s.ini"), QSettings.Format.IniFormat))
    window = MainWindow(document, Engine(document), settings, folder / "rescue")
    recording, panels = fill(window, first)
    print("replies of", *(kind.__name__ for kind in recording.replies), flush=True)
    window.engine.pause()
    show(panels, recording)
    window.files.open_preset(second)
    wait(2.0)
    print("of another length", flush=True)
    recording.send(lambda reply: reply)
    grab(panels)
    document.undo_stack.setClean()
    window.close()
    print("\n".join(sorted(faults)), flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
