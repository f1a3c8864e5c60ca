"""The fonts that ship with the app: the same letters on every desktop and offscreen."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from PySide6.QtCore import QByteArray
from PySide6.QtGui import QFont, QFontDatabase

TEXT, MONO = "Inter", "JetBrains Mono"
POINTS, SMALL_POINTS = 10.0, 8.5
FILES = ("Inter-Regular.otf", "Inter-SemiBold.otf", "JetBrainsMono-Regular.ttf")


@cache
def load() -> None:
    """Make the fonts known to Qt; a file that cannot be read leaves the system's font in use."""
    for name in FILES:
        content = (files("resources") / "fonts" / name).read_bytes()
        QFontDatabase.addApplicationFontFromData(QByteArray(content))


def text_font(points: float = POINTS, bold: bool = False) -> QFont:
    """For words."""
    font = QFont(TEXT)
    font.setPointSizeF(points)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font


def figure_font(points: float = POINTS, bold: bool = False) -> QFont:
    """For numbers that change or stand in columns: every digit is equally wide."""
    font = text_font(points, bold)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font
