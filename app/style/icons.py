"""Icons: strokes on a 24 x 24 grid, drawn in the theme's colours at any size."""

from __future__ import annotations

from difflib import get_close_matches

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.style import painting, palette
from app.style.strokes import FILLED, STROKES

SIZES = (16, 24, 32, 48)
_COLORS = {"problem": "error", "warning": "warning", "error": "error", "open_input": "muted"}
_cache: dict[tuple[str, str, str], QIcon] = {}


class UnknownIconError(KeyError):
    """There is no icon of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


def icon(name: str, color: str | None = None) -> QIcon:
    """The icon in the theme's colours, dimmed where disabled.

    Args:
        name: a key of ``STROKES``; hyphens are as good as underscores.
        color: a field of ``Palette``; not given, text or what suits the name.

    Raises:
        UnknownIconError: naming what is nearest.
    """
    key = name.replace("-", "_")
    if key not in STROKES:
        near = ", ".join(get_close_matches(key, STROKES, 3)) or "none like it"
        raise UnknownIconError(f'There is no icon "{name}"; there is: {near}.')
    p = palette.current()
    tint = getattr(p, color or _COLORS.get(key, "text"))
    if (key, tint, p.name) not in _cache:
        _cache[key, tint, p.name] = _make(key, tint, p.line)
    return _cache[key, tint, p.name]


def pixmap(name: str, size: int, ratio: float = 1.0, color: str | None = None) -> QPixmap:
    """One picture of an icon, sharp at a device pixel ratio."""
    tint = getattr(palette.current(), color or _COLORS.get(name, "text"))
    icon(name, color)  # refuses a name that is not there
    key = name.replace("-", "_")
    result = _draw(STROKES[key], tint, round(size * ratio), key in FILLED)
    result.setDevicePixelRatio(ratio)
    return result


def _make(key: str, tint: str, dim: str) -> QIcon:
    result = QIcon()
    for color, modes in ((tint, (QIcon.Mode.Normal, QIcon.Mode.Selected)),
                         (dim, (QIcon.Mode.Disabled,))):  # fmt: skip
        for size in SIZES:
            picture = _draw(STROKES[key], color, size, key in FILLED)
            for mode in modes:
                result.addPixmap(picture, mode)
    return result


def category_icon(category: str) -> QIcon:
    """A rounded patch in the colour of an operator category."""
    tint = palette.category_color(category).name()
    if ("", tint, "") not in _cache:
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect x="4" y="4" '
            f'width="16" height="16" rx="5" fill="{tint}"/></svg>'
        )
        result = QIcon()
        for size in SIZES:
            result.addPixmap(_render(svg, size))
        _cache["", tint, ""] = result
    return _cache["", tint, ""]


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
    with painting.on(pixmap) as painter:
        QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, size, size))
    return pixmap
