"""Where a window's runs are kept, so that a process that died can go on from there."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from app.engine.process import lives
from graphcore.runs.checkpoint import newest_step
from graphcore.system import user_folders


def checkpoint_folder() -> Path:
    """Where this window's runs are kept for a restart."""
    return user_folders.cache_folder() / "runs" / str(os.getpid())


def remove_left_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of windows that were killed: those of no process that lives."""
    try:
        found = list(folder.iterdir())
    except OSError:
        return  # there are none, or nothing can be kept there at all
    for left in found:
        if left.name.isdecimal() and not lives(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)


class Checkpoints:
    """The folder that the process writes its checkpoints to.

    Attributes:
        base: of the window. folder: of the process that there is now.
        step: of the newest checkpoint; None where there is none.
    """

    def __init__(self) -> None:
        self.base = self.folder = checkpoint_folder()
        self.step: int | None = None
        self._starts = 0

    def restart(self, elsewhere: bool) -> str:
        """Return the folder to go on from, "" where there is none.

        A process elsewhere may live on for a while, and write to its own: the next gets another.
        """
        before = str(self.folder) if self.step is not None else ""
        if elsewhere:
            self._starts += 1
            self.folder = self.base / f"start-{self._starts}"
        return before

    def look(self) -> None:
        """Read which checkpoint is the newest: one may be there that nothing was said of."""
        if self.step is not None:
            self.step = newest_step(self.folder)

    def mark(self) -> str:
        """Write a file that a process on another machine does not find; return its path."""
        mark = self.base / f"here-{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        return str(mark)

    def remove(self) -> None:
        """Remove all of them: the window is closed."""
        shutil.rmtree(self.base, ignore_errors=True)
