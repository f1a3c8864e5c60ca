"""Unexpected errors: written to a log file and reported in one sentence; the window lives on."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, Signal

from graphcore.errors import GradscapeError
from graphcore.system import user_folders

_LOG = logging.getLogger("gradscape")
QUIET_S = 10.0
"""A fault that comes back sooner is the same one, in a timer or a paint: it is said once."""


def default_file() -> Path:
    """Where the log is kept."""
    return user_folders.log_folder() / "gradscape.log"


def log(text: str) -> None:
    """Write text to the log that the app names; to standard error while no log is open."""
    _LOG.error("%s", text.rstrip())


class FaultLog(QObject):
    """Takes the place of ``sys.excepthook`` while the app runs.

    Signals:
        caught: the sentence for the banner, and the stack. It comes from whichever thread the
            error was in; Qt hands it over to the window's.
    """

    caught = Signal(str, str)

    def __init__(self, file: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.file = file
        self._last: dict[str, float] = {}
        self._handler = _handler(file)
        _LOG.addHandler(self._handler)
        self._former = sys.excepthook, threading.excepthook
        sys.excepthook = self._catch
        threading.excepthook = self._catch_in_thread

    def close(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook = self._former
        _LOG.removeHandler(self._handler)
        self._handler.close()

    def _catch(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._former[0](kind, error, trace)
            return
        stack = "".join(traceback.format_exception(kind, error, trace))
        place = f"{kind.__name__} {stack.rpartition('  File ')[2][:200]}"
        now = time.monotonic()
        before, self._last[place] = self._last.get(place), now
        if before is not None and now - before < QUIET_S:
            return
        log(f"unexpected\n{stack}")
        self.caught.emit(self._sentence(error), stack)

    def _catch_in_thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self._catch(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def _sentence(self, error: BaseException) -> str:
        if isinstance(error, GradscapeError):
            return str(error)
        first = str(error).strip().split("\n", 1)[0][:160] or type(error).__name__
        return self.tr(
            "Something went wrong ({0}). Your graph is safe; the details are in {1}."
        ).format(first, self.file)


def _handler(file: Path) -> logging.Handler:
    """A log file of at most two megabytes; standard error where none can be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler
