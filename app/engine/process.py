"""The engine process: started, written to, read, and ended."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QObject, QProcess, Signal

from graphcore.errors import WorkerError
from graphcore.records.requests import Reply, Request
from graphcore.session import messages as m
from graphcore.worker.protocol import FrameReader, decode_reply, encode

_LOG = logging.getLogger("gradscape")
CAUSE = 200
"""Most characters of the cause of the engine's end in the banner."""
PATIENCE_MS = 1500
"""How long a process that was asked to end has for it."""


def lives(process: int) -> bool:
    """Whether there is a process of this number; where that cannot be asked, there is."""
    if os.name == "nt":  # a signal would end it there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class EngineProcess(QObject):
    """One process, from its start to its end: requests go in, replies come out.

    Args:
        kinds: the types of replies that are wanted, by name; others are dropped.
        process: one that was started already, and has said nothing yet.

    Attributes:
        received: bytes of the engine's that have arrived.

    Signals:
        replied: a reply has arrived.
        refused: the command could not be started.
        ended: the process ended by itself; the cause, in one line.
    """

    replied = Signal(object)
    refused = Signal()
    ended = Signal(str)

    def __init__(
        self, parent: QObject, kinds: Mapping[str, type[Reply]], process: QProcess | None = None
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._process = process or QProcess()
        self._process.setParent(self)
        self._kinds = kinds
        self._reader = FrameReader()
        self._errors = self._damage = ""
        self.received = 0
        self._closing = False
        self._process.readyReadStandardOutput.connect(self._on_output)
        self._process.readyReadStandardError.connect(self._on_errors)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)

    def start(self, command: Sequence[str]) -> None:
        """Start the process, unless it is one that was started already."""
        if not self.runs:
            self._process.start(command[0], command[1:])

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    @property
    def number(self) -> int:
        """The system's number of it; 0 if it does not run."""
        return int(self._process.processId())

    def send(self, message: Request | bytes) -> None:
        """Write a request, or one that is encoded already, unless the process has ended."""
        if self.runs:
            self._process.write(message if isinstance(message, bytes) else encode(message))

    def end(self) -> None:
        """Ask the process to end; waits for it a moment, then kills it."""
        self._closing = True
        self.send(m.Quit())
        self._process.closeWriteChannel()
        self._process.finished.disconnect(self._on_finished)
        if not self._process.waitForFinished(PATIENCE_MS):
            self._process.kill()
            self._process.waitForFinished(PATIENCE_MS)

    def give_up(self, cause: str) -> None:
        """Kill the process; the cause is what ``ended`` tells."""
        self._damage = cause
        self._process.kill()

    def _on_output(self) -> None:
        data = bytes(self._process.readAllStandardOutput().data())
        first, self.received = not self.received, self.received + len(data)
        try:
            for body in self._reader.feed(data):
                reply = decode_reply(body, self._kinds)
                if reply is not None:
                    self.replied.emit(reply)
        except WorkerError as error:
            text = data[:CAUSE].decode(errors="replace").strip().partition("\n")[0]
            greets = first and text.isprintable()  # such as a login script does
            said = self.tr("the command wrote “{0}” in place of an engine's messages")
            self.give_up(said.format(text) if greets else str(error))

    def _on_errors(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        self._errors = (self._errors + text)[-20_000:]

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and not self._closing:
            self.refused.emit()

    def _on_finished(self) -> None:
        self._on_errors()
        cause = self._cause()
        _LOG.error("the engine stopped (%s); it wrote:\n%s", cause, self._errors)
        self.ended.emit(cause)

    def _cause(self) -> str:
        """Why the process ended, as far as it has said: one line."""
        lines = [line.strip() for line in self._errors.splitlines() if line[:1].strip()]
        fatal = next((line for line in lines if line.startswith("Fatal Python error")), "")
        code = self._process.exitCode()
        if self._process.exitStatus() == QProcess.ExitStatus.CrashExit:
            said = self._damage or fatal or self.tr("ended by signal {0}").format(code)
        else:
            ended = lines[-1] if lines else self.tr("exit code {0}").format(code)
            said = self._damage or ended
        return said[:CAUSE].rstrip(".")
