"""The window's end of a script's training loop: what comes from it, and how it is to go on."""

from __future__ import annotations

import contextlib
import os
from threading import Thread
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel

from graphcore import files
from graphcore.errors import GradscapeError
from graphcore.session import messages as m
from graphcore.worker.protocol import FrameReader, decode_request, encode, framed

REPEAT_MS = 1000
"""A window that says nothing for long is taken for one that hangs: the script goes on then."""

SETTLED = 10
"""Messages of the script after which all that a start needs has been computed."""


class ScriptLink(QObject):
    """Passes a script's messages to the engine, and the engine's wishes to the script.

    They come over the standard input of this process and go over its standard output, which
    nothing else is written to from then on.

    Args:
        incoming, outgoing: descriptors of the two pipes.

    Signals:
        came: a message, without its length. ended: the script is over, or gone.
        settled: the window is up, and has shown a few steps.
    """

    came = Signal(object)
    ended = Signal()
    settled = Signal()

    def __init__(self, incoming: int = 0, outgoing: int = 1) -> None:
        super().__init__()
        self._in, self._out = incoming, os.dup(outgoing)
        if outgoing == 1:
            os.dup2(2, 1)  # what is printed goes to standard error
        with contextlib.suppress(AttributeError, OSError):  # not on every system
            os.set_blocking(self._out, False)
        self._window: Any = None
        self._begun = self._over = False
        self._steer = m.Steer()  # of nothing taken so far
        self.label: QLabel | None = None
        self._timer = QTimer(self, interval=REPEAT_MS)
        self._timer.timeout.connect(self._say)
        self.came.connect(self._on_message, Qt.ConnectionType.QueuedConnection)
        self.ended.connect(self._on_end, Qt.ConnectionType.QueuedConnection)

    def show_in(self, window: Any) -> None:
        """Show the script's net in a window as soon as it comes, and its steps from then on."""
        self._window, self.label = window, QLabel()
        window.status.insertPermanentWidget(1, self.label)
        window.engine.on(m.Steer, self._on_steer)
        window.engine.died.connect(self._on_died)
        self._show()
        Thread(target=self._read, daemon=True).start()
        self._timer.start()

    def _read(self) -> None:
        """Emit every message that comes, in a thread of its own."""
        reader = FrameReader()
        with contextlib.suppress(OSError, GradscapeError, RuntimeError):
            while data := os.read(self._in, 1 << 16):
                for body in reader.feed(data):
                    self.came.emit(body)
        with contextlib.suppress(RuntimeError):  # the window is gone
            self.ended.emit()

    def _on_message(self, body: bytes) -> None:
        engine, message = self._window.engine, framed(body)
        if self._begun:
            engine.pass_on(message)
            return
        self._begun = True
        request = decode_request(body)
        assert isinstance(request, m.WatchBegin)
        engine.script = message
        self._window.document.open_graph(files.loads(request.graph))
        engine.begin()

    def _on_steer(self, steer: m.Steer) -> None:
        if self._steer.taken < SETTLED <= steer.taken:
            self.settled.emit()
        self._steer = steer
        self._say()
        self._show()

    def _on_died(self, _cause: str) -> None:
        """Without an engine nothing is shown: the script does not wait for anybody."""
        self._steer = m.Steer(taken=self._steer.taken)
        self._say()

    def _say(self) -> None:
        """Tell the script how to go on; a full pipe is that of a script that does not listen."""
        with contextlib.suppress(OSError):
            os.write(self._out, encode(self._steer))

    def _on_end(self) -> None:
        self._over = True
        self._timer.stop()
        if not self._begun:  # the script had no net to show
            self._window.close()
            return
        self._window.engine.ask(m.WatchEnd())
        self._show()

    def _show(self) -> None:
        """Say whose figures are whose."""
        assert self.label is not None
        ours, precision = self.tr("views: its batch, float32 here"), self._steer.precision
        if self._over:
            text = self.tr("The script is over")
        elif not self._steer.seen:
            text = self.tr("The script goes on unseen: its run is in Runs")
        elif precision:
            text = self.tr("Losses: the script's · float32 here, your loop: {0}").format(precision)
        else:
            text = self.tr("Losses: the script's · {0}").format(ours)
        self.label.setText(text)
        self.label.setToolTip(
            self.tr("Values, gradients and maps are computed here from the script's weights.")
        )
