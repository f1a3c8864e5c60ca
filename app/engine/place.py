"""Where the engine runs, on what, and with how many threads; remembered for each machine."""

from __future__ import annotations

import platform
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings

from graphcore.records.precision import PRECISIONS

if TYPE_CHECKING:  # the engine is started before the messages to it are imported
    from graphcore.session.messages import HelperChoice

SSH = "ssh {0} gradscape worker"
COMMAND, USED = "engine/command", "engine/commands"
MOST_THREADS, MOST_USED = 256, 8
HELPERS: tuple[HelperChoice, ...] = ("auto", "always", "never")


@dataclass(frozen=True)
class Place:
    """Where the engine runs.

    Attributes:
        command: that starts it; "" is this machine.
        device: of that machine; "" is the best that is there.
        threads: 0 is every core but one.
        helper: whether a helper process computes landscapes beside the training.
        precision: in which products are computed there: one of ``PRECISIONS``.
    """

    command: str = ""
    device: str = ""
    threads: int = 0
    helper: HelperChoice = "auto"
    precision: str = "float32"

    @property
    def arguments(self) -> list[str] | None:
        """Return the command in parts, None for this machine; raises ValueError."""
        return shlex.split(self.command) or None


def remembered(store: QSettings, command: str | None = None) -> Place:
    """Return what was used last: at a command's machine, or None: wherever it was."""
    if command is None:
        command = str(store.value(COMMAND, "") or "").strip()
    before = 0 if command else store.value("engine/threads", 0)  # as older versions kept it
    try:
        threads = int(str(store.value(_key(command, "threads"), before)))
    except ValueError:
        threads = 0
    device = str(store.value(_key(command, "device"), "") or "")
    chosen = store.value(_key(command, "helper"))
    helper: HelperChoice = next((choice for choice in HELPERS if choice == chosen), "auto")
    precision = str(store.value(_key(command, "precision"), "") or "")
    if precision not in PRECISIONS:
        precision = "float32"
    return Place(command, device, min(max(threads, 0), MOST_THREADS), helper, precision)


def remember(store: QSettings, place: Place) -> None:
    """Use this place from now on, and what is chosen there whenever it is used again."""
    store.setValue(COMMAND, place.command)
    store.setValue(_key(place.command, "device"), place.device)
    store.setValue(_key(place.command, "threads"), place.threads)
    store.setValue(_key(place.command, "helper"), place.helper)
    store.setValue(_key(place.command, "precision"), place.precision)
    if place.command:
        others = [command for command in used(store) if command != place.command]
        store.setValue(USED, [place.command, *others][:MOST_USED])


def used(store: QSettings) -> list[str]:
    """Return the commands that were used before, the newest first."""
    value = store.value(USED, [])
    if isinstance(value, str):
        return [value]
    return [str(v) for v in value] if isinstance(value, list) else []


def _key(command: str, what: str) -> str:
    """Settings may lie in a home folder that several machines share."""
    machine = command or platform.node() or "here"
    return f"engine/at/{''.join(c if c.isalnum() else '_' for c in machine)}/{what}"
