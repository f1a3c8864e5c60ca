"""The frame of a surface in space: its axes with their names and ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont

from app.style import palette
from app.widgets.numbers import format_number

Place = tuple[float, float, float]

SIDE, BESIDE = 0.5, 0.07
"""Half of a side, and how far beside it the words stand."""
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight


class SpaceAxes:
    """Lines around the ground and up one corner; the items belong to a GLViewWidget.

    Args:
        height: of the surface, whose middle is at 0.
    """

    def __init__(self, view: Any, height: float) -> None:
        import pyqtgraph.opengl as gl

        low, high, s, out = -height / 2, height / 2, SIDE, SIDE + BESIDE
        ground = [(-s, -s, low), (s, -s, low), (s, s, low), (-s, s, low), (-s, -s, low)]
        self._lines = gl.GLLinePlotItem(
            pos=np.array([*ground, (-s, -s, high)]), width=1, glOptions="opaque"
        )
        places: dict[str, tuple[Place, Any]] = {
            "a": ((0, -out, low), _RIGHT), "b": ((out, 0, low), _LEFT),
            "a_low": ((BESIDE - s, -out, low), _RIGHT), "a_high": ((s, -out, low), _RIGHT),
            "b_low": ((out, -s, low), _LEFT), "b_high": ((out, s, low), _LEFT),
            "low": ((-out, -s, low), _RIGHT), "high": ((-out, -s, high), _RIGHT),
            "loss": ((-out, -s, 0), _RIGHT),
        }  # fmt: skip
        font = QFont()
        font.setPointSizeF(max(7.0, 0.85 * font.pointSizeF()))
        self.texts = {
            name: gl.GLTextItem(
                pos=place, alignment=side | Qt.AlignmentFlag.AlignVCenter, font=font, text=""
            )
            for name, (place, side) in places.items()
        }
        for item in (self._lines, *self.texts.values()):
            view.addItem(item)
        self.restyle()

    def set_labels(self, a: str, b: str, loss: str) -> None:
        """Name the axes; what a name has in brackets is left to the map."""
        for name, text in (("a", a), ("b", b), ("loss", loss)):
            self.texts[name].setData(text=text.partition(" (")[0])

    def set_ends(self, a: np.ndarray, b: np.ndarray, low: float, high: float) -> None:
        """Say where the axes end: the grid's columns and rows, and the loss at ground and top."""
        ends = {
            "a_low": a[0], "a_high": a[-1], "b_low": b[0], "b_high": b[-1],
            "low": low, "high": high,
        }  # fmt: skip
        for name, value in ends.items():
            self.texts[name].setData(text=format_number(float(value), 3))

    def restyle(self) -> None:
        """Take on the theme's colours."""
        p = palette.current()
        self._lines.setData(color=p.color("muted", 160).getRgbF())
        for text in self.texts.values():
            text.setData(color=p.color("muted"))
