"""A session that ends, or Ctrl-C in the terminal: the window leaves in good order, unasked."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

from PySide6.QtCore import QObject, QSocketNotifier

ENDING = [
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
]


class EndSignals(QObject):
    """Calls a function when the process is asked to end.

    Python runs handlers of signals between two instructions of its own, and Qt waits outside
    Python: the signal is written to a socket that Qt's loop listens to.

    Args:
        end: called once, in Qt's loop.
    """

    def __init__(self, end: Callable[[], object]) -> None:
        super().__init__()
        self._end: Callable[[], object] | None = end
        self._out, self._into = socket.socketpair()
        self._out.setblocking(False)
        self._into.setblocking(False)
        self._former: dict[int, Any] = {s: signal.signal(s, _nothing) for s in ENDING}
        self._wakeup = signal.set_wakeup_fd(self._into.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._out.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_signal)

    def _on_signal(self) -> None:
        numbers = self._out.recv(64)
        end = self._end
        if end is not None and any(number in ENDING for number in numbers):
            self._end = None
            end()

    def close(self) -> None:
        """Give the signals back."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._wakeup)
        for number, former in self._former.items():
            signal.signal(number, former)
        self._out.close()
        self._into.close()


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Nothing is to be done here: the socket has the signal."""
