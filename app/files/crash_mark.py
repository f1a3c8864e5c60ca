"""A file that exists while the app runs: one that is found at the start means a crash."""

from __future__ import annotations

import faulthandler
import os
from pathlib import Path
from typing import TextIO

from app.engine.process import lives


class CrashMark:
    """Lays the mark, into which Python writes its stack if the process crashes.

    Attributes:
        left: what is in the marks of processes that did not end in good order.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"running-{os.getpid()}.txt"
        self._mark: TextIO | None = None
        self.left: list[str] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.left = [text for file in folder.glob("running-*.txt") for text in _taken(file)]
            self._mark = self._file.open("w", encoding="utf-8")
        except OSError:
            return
        faulthandler.enable(self._mark)

    def close(self) -> None:
        """Take the mark away: the process ends in good order."""
        if self._mark is not None:
            faulthandler.disable()
            self._mark.close()
            self._mark = None
            self._file.unlink(missing_ok=True)


def _taken(file: Path) -> list[str]:
    """The text of a mark that no process holds, and the mark removed."""
    number = file.stem.rpartition("-")[2]
    if not number.isdecimal() or (int(number) != os.getpid() and lives(int(number))):
        return []
    text = file.read_text(encoding="utf-8", errors="replace").strip()
    file.unlink(missing_ok=True)
    return [text]
