"""The process of a window beside a script: started first, since little is needed for it."""

from __future__ import annotations

import contextlib
import subprocess

from graphcore.system import start


def launch(command: list[str] | None = None) -> subprocess.Popen[bytes]:
    """Start the process of a window, which waits for a net; raises OSError.

    Args:
        command: that starts it; left out, the app.
    """
    return subprocess.Popen(
        command or start.command("app.__main__", "--watched"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True,
    )  # fmt: skip


def give_up(process: subprocess.Popen[bytes]) -> None:
    """Let a window go that there is no net for: it closes."""
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            pipe.close()  # type: ignore[union-attr]
    leave(process)


def leave(process: subprocess.Popen[bytes]) -> None:
    """The window lives on; this process does not wait for it."""
    if process.returncode is None:
        process.returncode = 0
