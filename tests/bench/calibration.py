"""A fixed piece of Qt and numpy work: times of the window are printed as a ratio to it as well.

It is timed in the same minute, so that a slow machine, or a slow hour of one, reads the same.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

TIMED_AGAIN_S, TIMES = 30.0, 9
"""How long a measurement holds, and how many times the work is done for one."""
CLOCKS = time.perf_counter, time.process_time
_found: tuple[float, dict[bool, float]] = (-TIMED_AGAIN_S, {})


def work() -> None:
    """Paint 100 rounded boxes, curves and numbers; sort and multiply thousands of numbers."""
    image = QImage(800, 600, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor("#8ab4f8"), 1.5))
    for i in range(100):
        x, y = 20.0 * (i % 40), 60.0 * (i // 40)
        painter.drawRoundedRect(QRectF(x, y, 18, 40), 4, 4)
        path = QPainterPath(QPointF(x, y))
        path.cubicTo(QPointF(x + 30, y), QPointF(x, y + 50), QPointF(x + 30, y + 50))
        painter.drawPath(path)
        painter.drawText(QPointF(x, y + 20), str(i))
    painter.end()
    numbers = np.random.default_rng(0).standard_normal(40_000)
    np.sort(numbers)
    square = numbers.reshape(200, 200)
    for _ in range(5):
        square = np.tanh(square @ square.T / 200)


def unit_ms(processor: bool = False) -> float:
    """Return the milliseconds that the work takes now, or of the processor's time: a median."""
    global _found
    now = time.monotonic()
    if now - _found[0] > TIMED_AGAIN_S:
        taken: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(TIMES):
            begun = [clock() for clock in CLOCKS]
            work()
            for which, clock in enumerate(CLOCKS):
                taken[bool(which)].append(1000 * (clock() - begun[which]))
        _found = now, {which: statistics.median(times) for which, times in taken.items()}
    return _found[1][processor]


def shown(milliseconds: float, processor: bool = False) -> str:
    """Return a time with its ratio to the work, as a benchmark prints it.

    Args:
        processor: whether it is of the processor's time.
    """
    return f"{milliseconds:.1f} ms ({milliseconds / unit_ms(processor):.2f} of the fixed work)"
