"""A command line of ours, run beside the window."""

from __future__ import annotations

import sys
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal

from graphcore.system import start


class Job(QObject):
    """A process that runs one command and is listened to.

    Signals:
        printed: what it has printed since. said: the last line of that: how far it is.
        ended: its error as a sentence, or "".
    """

    printed = Signal(str)
    said = Signal(str)
    ended = Signal(str)

    def __init__(self, arguments: list[str], parent: QObject) -> None:
        super().__init__(parent)
        self._process = QProcess(self)
        self._last = ""
        self._process.readyReadStandardError.connect(self._on_error_text)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self._process.start(sys.executable, start.arguments("graphcore.cli.main", *arguments))

    def _on_error_text(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        if text:
            self.printed.emit(text)
        lines = [line.strip() for line in text.replace("\r", "\n").split("\n") if line.strip()]
        if lines:
            self._last = lines[-1]
            self.said.emit(self._last)

    def _on_finished(self, code: int, _status: Any = None) -> None:
        self._on_error_text()
        said = self._last.removeprefix("gradscape: ") or self.tr("It ended unexpectedly.")
        self.ended.emit("" if code == 0 else said)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.ended.emit(self.tr("It could not be started."))

    def cancel(self) -> None:
        """End it; what it writes appears whole or not at all."""
        self._process.finished.disconnect(self._on_finished)
        self._process.kill()
        self._process.waitForFinished(1500)
