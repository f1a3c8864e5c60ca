"""All colours and sizes, in a dark and a light set, and the one function that applies them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from app.style import colormaps, fonts
from app.style.colormaps import contrast
from app.style.sheet import sheet
from graphcore.colors import CATEGORY_COLORS

RADIUS = 6.0
GRID = 8


@dataclass(frozen=True)
class Palette:
    """One theme.

    ``text`` and ``muted`` on ``window``, ``panel``, ``card`` and ``raised`` have a contrast of at
    least 4.5; ``edge``, ``accent``, ``error``, ``warning``, ``good`` and the ``series`` on
    ``canvas``, ``panel`` and ``card`` one of at least 3 (WCAG 2.1, AA). ``line`` only parts areas.
    """

    name: str
    window: str
    panel: str
    card: str
    raised: str
    canvas: str
    grid: str
    line: str
    text: str
    muted: str
    accent: str
    on_accent: str
    edge: str
    error: str
    warning: str
    good: str
    series: tuple[str, ...]

    def color(self, name: str, alpha: int = 255) -> QColor:
        """A colour of the theme by its name."""
        color = QColor(getattr(self, name))
        color.setAlpha(alpha)
        return color


DARK = Palette(
    name="dark", window="#17191d", panel="#1d2025", card="#23272e", raised="#2d323b",
    canvas="#14161a", grid="#1e2127", line="#343a44", text="#e6e9ee", muted="#9aa4b2",
    accent="#6ea8fe", on_accent="#0c1420", edge="#6b7686", error="#ff7b72", warning="#e3b341",
    good="#56d364",
    series=("#6ea8fe", "#f0a35e", "#56d3a4", "#e58acb", "#d6c35a", "#9d8cf2", "#ff8f87",
            "#4fd0dc"),
)  # fmt: skip

LIGHT = Palette(
    name="light", window="#eef0f3", panel="#f8f9fb", card="#ffffff", raised="#e6e9ee",
    canvas="#f3f5f8", grid="#e6e9ef", line="#d0d6de", text="#1c2128", muted="#57606a",
    accent="#1f6feb", on_accent="#ffffff", edge="#7a8594", error="#c9302c", warning="#8a6100",
    good="#1a7f37",
    series=("#1f6feb", "#b35900", "#0f7b5f", "#a8388c", "#7a6500", "#6347c9", "#b3261e",
            "#0b7285"),
)  # fmt: skip

THEMES = {"dark": DARK, "light": LIGHT}


class _Notifier(QObject):
    changed = Signal()


notifier = _Notifier()
"""Its signal ``changed`` is emitted after the theme changed."""
_current = DARK


def current() -> Palette:
    """The theme in use."""
    return _current


def category_color(category: str) -> QColor:
    """Colour of an operator category, the same in both themes."""
    return QColor(CATEGORY_COLORS.get(category, CATEGORY_COLORS["composite"]))


def ink_on(color: QColor) -> QColor:
    """Black or white, whichever reads better on a colour: at least 4.5 to 1."""
    return QColor(_ink_on(color.rgb() & 0xFFFFFF))


@lru_cache(maxsize=4096)
def _ink_on(rgb: int) -> str:
    name = f"#{rgb:06x}"
    return max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, name))


def lut(kind: str) -> np.ndarray:
    """Colour table (256, 4) uint8 of the theme: "diverging" or "sequential"; read-only."""
    return colormaps.lut(kind, _current.name)


def apply(app: QApplication, name: str) -> None:
    """Use a theme: "dark" or "light"."""
    global _current
    if name not in THEMES:
        raise ValueError(f'There is no theme "{name}"; there are {", ".join(THEMES)}.')
    _current = THEMES[name]
    p = _current
    app.setStyle("Fusion")
    app.setPalette(_qt_palette(p))
    fonts.load()
    app.setFont(fonts.text_font())
    app.setStyleSheet(sheet(p))
    notifier.changed.emit()


def _qt_palette(p: Palette) -> QPalette:
    role = QPalette.ColorRole
    roles = {
        role.Window: p.panel, role.WindowText: p.text, role.Base: p.card, role.Text: p.text,
        role.AlternateBase: p.panel, role.Button: p.raised, role.ButtonText: p.text,
        role.ToolTipBase: p.raised, role.ToolTipText: p.text, role.PlaceholderText: p.muted,
        role.Highlight: p.accent, role.HighlightedText: p.on_accent, role.Link: p.accent,
        role.BrightText: p.error, role.Mid: p.line, role.Dark: p.line, role.Light: p.raised,
        role.Midlight: p.raised, role.Shadow: p.window, role.Accent: p.accent,
    }  # fmt: skip
    palette = QPalette()
    for key, color in roles.items():
        palette.setColor(key, QColor(color))
    for key in (role.Text, role.WindowText, role.ButtonText):
        dim = QColor(p.muted)
        dim.setAlpha(130)
        palette.setColor(QPalette.ColorGroup.Disabled, key, dim)
    return palette
