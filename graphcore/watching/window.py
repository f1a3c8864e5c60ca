"""A window beside a script, which shows the script's net while the script trains it."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphcore import files
from graphcore.errors import ExportError, WorkerError
from graphcore.records.arrays import Array, pack
from graphcore.session import messages as m
from graphcore.watching.process import leave
from graphcore.watching.source import Source, halves
from graphcore.worker.protocol import LARGEST, FrameReader, decode_reply, encode

MOST_LOSSES = 1_000_000
"""Losses kept for a window that does not take them."""
MEETING = 5.0
"""Seconds that a loop waits at most, before its first step, for the window to have its net."""
PATIENCE = 15.0
"""Seconds after which a window that says nothing is taken for one that hangs."""
LAST, UNSEEN = 5.0, 30.0
"""Seconds that the last message may take at the end of a script; of one that has ended before its
window came up."""


class Window:
    """A sink whose steps a window shows, and which may have the loop wait.

    The loop is never held up by the pipe: a thread writes to it, one message ahead of what the
    window has taken, and newer weights take the place of those that wait.

    Args:
        process: what ``launch`` gave.

    Raises:
        ExportError: the net is too large for a message.
    """

    def __init__(self, source: Source, process: subprocess.Popen[bytes]) -> None:
        self._source, self._process = source, process
        begin = _begin(source)
        self._changed = threading.Condition()
        self._weights: tuple[int, dict[str, Array], float] | None = None
        self._losses: list[float] = []
        self._last = 0
        self._ready = self._closing = False
        self._heard_of = 0
        self.over = False
        self._steer = m.Steer()
        self._heard = time.monotonic()
        self._next = 0.0
        self._writer = threading.Thread(target=self._write, args=(begin,), daemon=True)
        self._writer.start()
        threading.Thread(target=self._read, daemon=True).start()

    # -- the loop's side ----------------------------------------------------------------------

    def meet(self, seconds: float = MEETING) -> None:
        """Return when the window has the net, so that it shows the loop from its first step.

        It comes up sooner, too, while the script leaves it its processor.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self.over, seconds)

    @property
    def steers(self) -> bool:
        """Whether the loop is to wait, now or later, or to go slowly."""
        return self._steer.until is not None or self._steer.speed is not None

    def wants(self, step: int) -> bool:
        """Whether the window has taken the weights before."""
        return self._ready and self._weights is None

    def take(self, first: int, losses: list[float], seconds: float, weights: bool) -> None:
        """Have the losses of steps sent, with the weights of this moment or with later ones."""
        packed = _packed(self._source.changing()) if weights else {}
        with self._changed:
            self._losses += losses
            self._last = first + len(losses) - 1
            del self._losses[:-MOST_LOSSES]
            if weights:
                self._weights = self._last, packed, seconds
            self._changed.notify_all()

    def hold(self, step: int, tell: Callable[[], None]) -> None:
        """Return when the loop may go on: slowly, or once the window lets it.

        Args:
            tell: passes on what has happened, before the loop waits.
        """
        speed = self._steer.speed
        if speed is not None:
            self._wait(lambda: self._steer.speed != speed, self._next)
            self._next = time.monotonic() + 1 / speed
        if self._waits(step):
            tell()
            self._wait(lambda: not self._waits(step))

    def close(self) -> None:
        """Send what is left, and let the window be."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join(LAST if self._heard_of else UNSEEN)
        leave(self._process)

    def _waits(self, step: int) -> bool:
        until = self._steer.until
        return until is not None and step >= until

    def _wait(self, done: Callable[[], bool], latest: float = math.inf) -> None:
        """Return when it is done, at a time, or when the window has closed."""
        with self._changed:
            while not (self.over or done()) and (left := latest - time.monotonic()) > 0:
                self._changed.wait(min(left, 0.5))
                if time.monotonic() - self._heard > PATIENCE:
                    self._steer = m.Steer()
                    print("gradscape: the window does not answer; the script goes on.",
                          file=sys.stderr)  # fmt: skip

    # -- the pipe's side ----------------------------------------------------------------------

    def _write(self, begin: bytes) -> None:
        """Write what there is whenever the window has taken what was before."""
        message: bytes | None = begin
        with contextlib.suppress(OSError, ValueError):  # the window is gone
            while message is not None:
                self._process.stdin.write(message)  # type: ignore[union-attr]
                message = self._next_message()
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]

    def _next_message(self) -> bytes | None:
        """Wait for the next message; None at the end."""
        with self._changed:
            while not (self._weights and (self._ready or self._closing)):
                if self.over or self._closing:
                    return None
                self._changed.wait()
            step, weights, seconds = self._weights
            count = len(self._losses) - (self._last - step)
            losses, self._losses = self._losses[:count], self._losses[count:]
            self._weights, self._ready = None, False
        return encode(
            m.WatchSteps(step - count + 1, pack(np.array(losses, np.float64)), seconds, weights,
                         self._source.precision)
        )  # fmt: skip

    def _read(self) -> None:
        """Take the window's wishes until it is gone."""
        reader = FrameReader()
        with contextlib.suppress(OSError, ValueError, WorkerError):
            while data := os.read(self._process.stdout.fileno(), 1 << 12):  # type: ignore[union-attr]
                for body in reader.feed(data):
                    self._hear(decode_reply(body, {"Steer": m.Steer}))
        with self._changed:  # the window has closed: the loop does not wait
            self.over, self._steer = True, m.Steer()
            self._changed.notify_all()
        self._process.stdout.close()  # type: ignore[union-attr]
        self._process.wait()

    def _hear(self, steer: Any) -> None:
        with self._changed:
            self._heard = time.monotonic()
            if steer is not None:
                self._ready |= steer.taken != self._heard_of
                self._steer, self._heard_of = steer, steer.taken
            self._changed.notify_all()


def _begin(source: Source) -> bytes:
    """The first message: the net and its batch."""
    probe = source.probe
    message = encode(
        m.WatchBegin(files.dumps(source.graph), _packed(source.weights()), pack(probe.inputs),
                     pack(probe.targets))
    )  # fmt: skip
    if len(message) > LARGEST:
        raise ExportError(
            f"The net is too large for a window ({len(message) / 2**30:.1f} GiB of weights): "
            "record it with out=."
        )
    return message


def _packed(weights: Mapping[str, Any]) -> dict[str, Array]:
    return {name: pack(_array(value)) for name, value in weights.items()}


def _array(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    plain = value.detach().cpu()
    found: np.ndarray = (plain.float() if plain.dtype in halves() else plain).numpy()
    return found
