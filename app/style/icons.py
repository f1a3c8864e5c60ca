"""Icons: strokes on a 24 x 24 grid, drawn in the theme's colours at any size."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.style import palette

STROKES: dict[str, str] = {
    "new": "M6 3h8l4 4v14H6z M14 3v5h4 M12 12v6 M9 15h6",
    "open": "M3 19V6h6l2 2h10v3 M3 19l3-8h16l-3 8z",
    "save": "M4 4h13l3 3v13H4z M8 4v5h7V4 M7 20v-7h10v7",
    "save_as": "M4 4h13l3 3v5 M4 4v16h7 M8 4v5h7V4 M14 20l6-6 2 2-6 6h-2z",
    "export": "M12 15V3 M8 7l4-4 4 4 M4 14v6h16v-6",
    "presets": "M4 4h7v7H4z M13 4h7v7h-7z M4 13h7v7H4z M13 13h7v7h-7z",
    "settings": "M4 7h10 M18 7h2 M4 17h2 M10 17h10 M16 5v4 M8 15v4",
    "quit": "M10 4H5v16h5 M14 8l4 4-4 4 M9 12h9",
    "undo": "M8 5L4 9l4 4 M4 9h10a5 5 0 0 1 0 10h-4",
    "redo": "M16 5l4 4-4 4 M20 9H10a5 5 0 0 0 0 10h4",
    "cut": "M7 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z M17 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 "
    "5z M8.5 15.5L17 4 M15.5 15.500L7 4",
    "copy": "M8 8h12v12H8z M16 8V4H4v12h4",
    "paste": "M8 5H5v16h14V5h-3 M8 3h8v4H8z",
    "duplicate": "M8 8h12v12H8z M16 8V4H4v12h4 M14 11v6 M11 14h6",
    "delete": "M4 7h16 M9 7V4h6v3 M6 7l1 13h10l1-13 M10 11v5 M14 11v5",
    "select_all": "M4 4h3 M4 4v3 M20 4h-3 M20 4v3 M4 20h3 M4 20v-3 M20 20h-3 M20 20v-3 M8 8h8v8H8z",
    "search": "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z M15.5 15.500L21 21",
    "keyboard": "M2 6h20v12H2z M6 10h.5 M10 10h.5 M14 10h.5 M18 10h.5 M7 14h10",
    "fit_all": "M4 9V4h5 M20 9V4h-5 M4 15v5h5 M20 15v5h-5",
    "fit_selection": "M4 9V4h5 M20 9V4h-5 M4 15v5h5 M20 15v5h-5 M9 9h6v6H9z",
    "zoom_in": "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z M15.5 15.500L21 21 M10.5 8v5 "
    "M8 10.500h5",
    "zoom_out": "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z M15.5 15.500L21 21 M8 10.500h5",
    "zoom_reset": "M5 8l2-1.500V17 M17 8l2-1.500V17 M12 9.500v.5 M12 14v.5",
    "reset": "M4 12a8 8 0 1 0 2.5-5.8 M4 4v5h5",
    "theme": "M20 14a8 8 0 1 1-9-11 6.5 6.5 0 0 0 9 11z",
    "full_screen": "M4 9V4h5 M20 9V4h-5 M4 15v5h5 M20 15v5h-5",
    "add": "M12 5v14 M5 12h14",
    "arrange": "M3 4h5v4H3z M3 16h5v4H3z M16 10h5v4h-5z M8 6h4v12H8 M12 12h4",
    "help": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z M9.5 9.500a2.5 2.5 0 1 1 3.5 2.300c-.7.3-1 "
    ".8-1 1.7 M12 16.500v.3",
    "about": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z M12 11v6 M12 7.500v.3",
    "play": "M7 4l13 8-13 8z",
    "pause": "M8 5v14 M16 5v14",
    "step": "M6 5l9 7-9 7z M18 5v14",
    "epoch": "M4 5l7 7-7 7z M12 5l7 7-7 7z M21 5v14",
    "library": "M4 4h4v16H4z M10 4h4v16h-4z M16 5l4-1 3 15-4 1z",
    "outline": "M4 6h3 M10 6h10 M7 12h3 M13 12h7 M7 18h3 M13 18h7",
    "inspector": "M4 7h9 M17 7h3 M4 17h3 M11 17h9 M15 5v4 M9 15v4",
    "history": "M4 12a8 8 0 1 0 2.5-5.8 M4 4v5h5 M12 8v4l3 2",
    "problems": "M12 4l9 16H3z M12 10v4 M12 17v.3",
    "problem": "M12 4l9 16H3z M12 10v4 M12 17v.3",
    "open_input": "M12 17a5 5 0 1 0 0-10 5 5 0 0 0 0 10z M2 12h5",
    "training": "M3 5c4 0 4 12 9 12s5-4 9-4 M3 21h18",
    "landscape": "M2 19l6-11 4 6 3-4 7 9z",
    "activations": "M4 4h7v7H4z M13 4h7v7h-7z M4 13h7v7H4z M13 13h7v7h-7z",
    "gradients": "M20 12H5 M10 6l-6 6 6 6",
    "graph": "M3 9h5v6H3z M16 4h5v6h-5z M16 14h5v6h-5z M8 12h4 M12 12V7h4 M12 12v5h4",
    "file": "M6 3h8l4 4v14H6z M14 3v5h4",
    "layout": "M3 4h18v16H3z M9 4v16 M9 14h12",
    "close": "M6 6l12 12 M18 6L6 18",
    "warning": "M12 4l9 16H3z M12 10v4 M12 17v.3",
    "error": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z M9 9l6 6 M15 9l-6 6",
    "info": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z M12 11v6 M12 7.500v.3",
    "value": "M4 12h16 M14 6l6 6-6 6",
    "gradient": "M20 12H4 M10 6l-6 6 6 6",
}
"""Name -> SVG path data. To add an icon, add a row."""

_COLORS = {"problem": "error", "warning": "warning", "error": "error", "open_input": "muted"}
_FILLED = {"play"}


def icon(name: str) -> QIcon:
    """The icon in the theme's colours, dimmed where disabled; raises KeyError if there is none."""
    p = palette.current()
    result = QIcon()
    color = getattr(p, _COLORS.get(name, "text"))
    modes = {QIcon.Mode.Normal: color, QIcon.Mode.Disabled: p.line, QIcon.Mode.Selected: color}
    for mode, tint in modes.items():
        for size in (16, 24, 32, 48):
            result.addPixmap(_draw(STROKES[name], tint, size, name in _FILLED), mode)
    return result


def category_icon(category: str) -> QIcon:
    """A rounded patch in the colour of an operator category."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect x="4" y="4" width="16" '
        f'height="16" rx="5" fill="{palette.category_color(category).name()}"/></svg>'
    )
    result = QIcon()
    for size in (16, 24, 32, 48):
        result.addPixmap(_render(svg, size))
    return result


def _draw(path: str, color: str, size: int, filled: bool) -> QPixmap:
    fill = color if filled else "none"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="{path}" '
        f'fill="{fill}" stroke="{color}" stroke-width="1.8" stroke-linecap="round" '
        f'stroke-linejoin="round"/></svg>'
    )
    return _render(svg, size)


def _render(svg: str, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap
