"""Painting that a fault cannot carry out of hand: painters are always closed, faults are kept in.

An exception that leaves a painter open, or its state on the stack, ends the process at the next
paint. So every painter is opened by ``on``, every state is kept by ``saved``, and every method
that Qt calls to paint is ``guarded``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

from PySide6.QtGui import QPaintDevice, QPainter, QPalette
from PySide6.QtWidgets import QWidget

P = ParamSpec("P")


@contextmanager
def on(device: QPaintDevice) -> Iterator[QPainter]:
    """Open a painter and close it, come what may; a widget whose painting fails is left empty."""
    painter = QPainter(device)
    try:
        yield painter
    except BaseException:
        painter.end()
        if isinstance(device, QWidget):
            painter.begin(device)
            painter.fillRect(device.rect(), device.palette().color(QPalette.ColorRole.Window))
        raise
    finally:
        painter.end()


@contextmanager
def saved(painter: QPainter) -> Iterator[None]:
    """Keep the painter's state and bring it back, come what may."""
    painter.save()
    try:
        yield
    finally:
        painter.restore()


def guarded(paint: Callable[P, None]) -> Callable[P, None]:
    """Keep what a paint method raises from Qt, and hand it to the hook for unexpected errors."""

    @wraps(paint)
    def painted(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            paint(*args, **kwargs)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)

    return painted
