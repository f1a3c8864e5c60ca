"""All colours and sizes, in a dark and a light set, and the one function that applies them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

RADIUS = 8.0
GRID = 8

CATEGORY_COLORS = {
    "source": "#5b8def",
    "elementwise": "#9a86e8",
    "linear": "#3fa7a0",
    "convolution": "#d9863c",
    "pooling": "#b98f2f",
    "activation": "#d4639b",
    "normalization": "#6f9f3c",
    "reduction": "#8a7ad1",
    "shape": "#7f8ea3",
    "attention": "#c46ad0",
    "recurrent": "#4a9bd1",
    "loss": "#e0605a",
    "composite": "#8592a6",
}


@dataclass(frozen=True)
class Palette:
    """One theme. Text on ``window``, ``panel`` and ``card`` has a contrast of at least 4.5."""

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
    series=("#6ea8fe", "#f0a35e", "#56d3a4", "#e58acb", "#d6c35a", "#9d8cf2"),
)  # fmt: skip

LIGHT = Palette(
    name="light", window="#eef0f3", panel="#f8f9fb", card="#ffffff", raised="#e6e9ee",
    canvas="#f3f5f8", grid="#e6e9ef", line="#d0d6de", text="#1c2128", muted="#57606a",
    accent="#1f6feb", on_accent="#ffffff", edge="#7a8594", error="#c9302c", warning="#8a6100",
    good="#1a7f37",
    series=("#1f6feb", "#b35900", "#0f7b5f", "#a8388c", "#7a6500", "#6347c9"),
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
    return QColor(CATEGORY_COLORS.get(category, "#7f8ea3"))


def apply(app: QApplication, name: str) -> None:
    """Use a theme: "dark" or "light"."""
    global _current
    _current = THEMES[name]
    p = _current
    app.setStyle("Fusion")
    app.setPalette(_qt_palette(p))
    font = QFont(app.font())
    font.setPointSizeF(10.0)
    app.setFont(font)
    app.setStyleSheet(_sheet(p))
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


def _sheet(p: Palette) -> str:
    icons = (files("resources") / "icons").as_posix()  # type: ignore[attr-defined]
    return f"""
    QMainWindow, QMainWindow::separator {{ background: {p.window}; }}
    QMainWindow::separator {{ width: 5px; height: 5px; }}
    QMainWindow::separator:hover {{ background: {p.accent}; }}
    QDockWidget {{ font-weight: 600; titlebar-close-icon: none; }}
    QDockWidget::title {{ background: {p.window}; padding: 6px 10px; color: {p.muted}; }}
    QToolBar {{ background: {p.panel}; border: none; border-bottom: 1px solid {p.line};
        padding: 4px 6px; spacing: 3px; }}
    QToolBar::separator {{ background: {p.line}; width: 1px; margin: 5px 5px; }}
    QToolButton {{ border: none; border-radius: 6px; padding: 4px; color: {p.text}; }}
    QToolButton:hover {{ background: {p.raised}; }}
    QToolButton:pressed, QToolButton:checked {{ background: {p.line}; }}
    QToolButton:focus, QPushButton:focus {{ border: 1px solid {p.accent}; }}
    QPushButton {{ background: {p.raised}; border: 1px solid {p.line}; border-radius: 6px;
        padding: 4px 12px; }}
    QPushButton:hover {{ border-color: {p.accent}; }}
    QPushButton#primary {{ background: {p.accent}; color: {p.on_accent}; border: none;
        font-weight: 600; }}
    QPushButton#primary:disabled {{ background: {p.raised}; color: {p.muted}; }}
    QMenuBar {{ background: {p.panel}; padding: 2px; }}
    QMenuBar::item {{ padding: 4px 9px; border-radius: 5px; background: transparent; }}
    QMenuBar::item:selected {{ background: {p.raised}; }}
    QMenu {{ background: {p.card}; border: 1px solid {p.line}; padding: 5px; }}
    QMenu::item {{ padding: 5px 26px 5px 22px; border-radius: 5px; }}
    QMenu::item:selected {{ background: {p.accent}; color: {p.on_accent}; }}
    QMenu::item:disabled {{ color: {p.muted}; }}
    QMenu::separator {{ height: 1px; background: {p.line}; margin: 4px 8px; }}
    QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit {{ background: {p.card};
        border: 1px solid {p.line}; border-radius: 6px; padding: 3px 7px; min-height: 18px;
        selection-background-color: {p.accent}; selection-color: {p.on_accent}; }}
    QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {{
        border-color: {p.accent}; }}
    QComboBox::drop-down {{ border: none; width: 20px; }}
    QComboBox::down-arrow {{ image: url({icons}/down-{p.name}.svg); width: 12px; height: 12px; }}
    QComboBox QAbstractItemView {{ background: {p.card}; border: 1px solid {p.line};
        selection-background-color: {p.accent}; selection-color: {p.on_accent}; }}
    QAbstractSpinBox {{ padding-right: 18px; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none; width: 16px;
        background: transparent; subcontrol-origin: border; }}
    QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin: 2px 3px 0 0; }}
    QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; margin: 0 3px 2px 0; }}
    QAbstractSpinBox::up-arrow {{ image: url({icons}/up-{p.name}.svg); width: 9px; height: 9px; }}
    QAbstractSpinBox::down-arrow {{ image: url({icons}/down-{p.name}.svg); width: 9px;
        height: 9px; }}
    QCheckBox::indicator {{ width: 15px; height: 15px; border: 1px solid {p.edge};
        border-radius: 4px; background: {p.card}; }}
    QCheckBox::indicator:checked {{ background: {p.accent}; border-color: {p.accent};
        image: url({icons}/check-{p.name}.svg); }}
    QTreeView::branch:selected {{ background: transparent; }}
    QTreeView, QListView, QTableView, QListWidget, QTreeWidget, QUndoView {{
        background: {p.panel}; border: none; outline: none; }}
    QTreeView::item, QListView::item {{ padding: 2px; border-radius: 4px; }}
    QTreeView::item:hover, QListView::item:hover {{ background: {p.raised}; }}
    QTreeView::item:selected, QListView::item:selected {{ background: {p.accent};
        color: {p.on_accent}; }}
    QHeaderView::section {{ background: {p.panel}; color: {p.muted}; border: none;
        padding: 4px; }}
    QTabBar::tab {{ background: transparent; color: {p.muted}; padding: 6px 12px;
        border-bottom: 2px solid transparent; }}
    QTabBar::tab:selected {{ color: {p.text}; border-bottom-color: {p.accent}; }}
    QTabBar::tab:hover {{ color: {p.text}; }}
    QStatusBar {{ background: {p.panel}; color: {p.muted}; border-top: 1px solid {p.line}; }}
    QStatusBar::item {{ border: none; }}
    QToolTip {{ background: {p.raised}; color: {p.text}; border: 1px solid {p.line};
        padding: 5px; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
    QScrollBar::handle {{ background: {p.line}; border-radius: 4px; min-height: 28px;
        min-width: 28px; margin: 1px; }}
    QScrollBar::handle:hover {{ background: {p.edge}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QProgressBar {{ background: {p.raised}; border: none; border-radius: 3px; max-height: 6px; }}
    QProgressBar::chunk {{ background: {p.accent}; border-radius: 3px; }}
    QScrollArea {{ border: none; background: transparent; }}
    QLabel#muted {{ color: {p.muted}; }}
    QLabel#figure {{ font-size: 15pt; font-weight: 600; }}
    """


# -- colour maps ----------------------------------------------------------------------------------

_SEQUENTIAL = ((13, 22, 60), (24, 66, 118), (32, 118, 136), (76, 168, 124), (178, 208, 92),
               (250, 236, 130))  # fmt: skip
_DIVERGING = {
    "dark": ((94, 190, 255), (36, 110, 190), (36, 40, 48), (196, 98, 30), (255, 186, 96)),
    "light": ((10, 74, 150), (96, 160, 220), (250, 250, 250), (240, 160, 90), (160, 66, 8)),
}


@cache
def _table(points: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    places = np.linspace(0, 1, len(points))
    wanted = np.linspace(0, 1, 256)
    columns = [np.interp(wanted, places, [p[i] for p in points]) for i in range(3)]
    return np.stack(columns, 1).round().astype(np.uint8)


def lut(kind: str) -> np.ndarray:
    """Colour table (256, 3) uint8: "diverging" (blue, neutral, orange) or "sequential".

    Both tell their values apart by lightness and stay readable without red-green vision.
    """
    if kind == "sequential":
        return _table(_SEQUENTIAL)
    return _table(_DIVERGING[_current.name])


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.1, 1.4.3)."""
    bright, dim = sorted((_luminance(QColor(a)), _luminance(QColor(b))), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(color: QColor) -> float:
    parts = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (color.redF(), color.greenF(), color.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
