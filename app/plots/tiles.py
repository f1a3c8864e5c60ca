"""Painting small arrays: feature maps, matrices, bars, single numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from app.style import colormaps, painting, palette
from app.widgets.numbers import format_number

SHADES = 32
"""Of a bar, by its length."""
MOST_PIXELS = 2048
"""Of a side of the image of bars; on a closer look they grow."""
MOST_NUMBERS = 150
"""Cells of a picture whose numbers are written in."""
LEAST_LETTER = 7.0
"""Pixels of the screen that such a number is high, at least."""
EVEN = 0.18
"""Luminance on which black and white are read equally well."""
FINE = 16
"""Parts of a unit in which the size of a font is chosen: Qt takes whole numbers alone."""


def montage(array: np.ndarray, aspect: float = 2.0) -> np.ndarray:
    """Feature maps (C, H, W) side by side with one pixel between; gaps are NaN.

    Args:
        aspect: wanted width over height of the whole.
    """
    count, height, width = array.shape
    columns = montage_columns(count, height, width, aspect)
    rows = -(-count // columns)
    tiles = np.full((rows * columns, height + 1, width + 1), np.nan, np.float32)
    tiles[:count, :height, :width] = array
    sheet = tiles.reshape(rows, columns, height + 1, width + 1).swapaxes(1, 2)
    return sheet.reshape(rows * (height + 1), columns * (width + 1))[:-1, :-1]


def montage_columns(count: int, height: int, width: int, aspect: float) -> int:
    """How many maps of height x width go in a row for the wanted width over height."""
    return min(count, max(1, round(math.sqrt(count * aspect * height / max(width, 1)))))


def to_image(array: np.ndarray, low: float, high: float, signed: bool) -> QImage:
    """A matrix as an image: signed values diverge from 0, others run from low to high.

    NaN is transparent; infinities take the last colour of their side.
    """
    if signed:
        high = max(abs(low), abs(high)) or 1.0
        low = -high
    span = (high - low) or 1.0
    scaled = np.subtract(array, low, dtype=np.float32)
    scaled *= 255.999 / span
    missing = np.isnan(scaled)
    np.clip(scaled, 0, 255.5, out=scaled)
    scaled[missing] = 256
    pixels = _words("diverging" if signed else "sequential", palette.current().name).take(
        scaled.astype(np.intp)
    )
    height, width = array.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()


@cache
def _words(kind: str, theme: str) -> np.ndarray:
    """The colour table as 0xAARRGGBB, with an entry 256 that is transparent."""
    table = colormaps.lut(kind, theme).astype(np.uint32)
    words = (255 << 24) | (table[:, 0] << 16) | (table[:, 1] << 8) | table[:, 2]
    return np.append(words, 0).astype(np.uint32)


def map_color(share: float, kind: str) -> QColor:
    """A colour of a map: ``share`` from 0 to 1, or from -1 to 1 for "diverging"."""
    place = share if kind == "sequential" else (share + 1) / 2
    red, green, blue, _ = palette.lut(kind)[round(255 * min(1.0, max(0.0, place)))].tolist()
    return QColor(red, green, blue)


def paint_image(painter: QPainter, rect: QRectF, image: QImage) -> QRectF:
    """Draw an image as large as fits, in its own proportions, with hard pixels; returns where."""
    area = fitted(rect, image.width(), image.height())
    painter.drawImage(area, image)
    return area


@dataclass(frozen=True)
class Written:
    """Numbers that fit into the cells of a sheet.

    Attributes:
        size: of the letters, in the units of the painter.
        texts: (row, column) -> number.
    """

    size: float
    texts: dict[tuple[int, int], str]


def written(sheet: np.ndarray, width: float, height: float, scale: float = 1.0) -> Written | None:
    """Return the numbers of a sheet (H, W) as they fit into its cells; None where they do not.

    Args:
        width, height: of a cell.
        scale: pixels of the screen per unit of these.
    """
    cells = np.argwhere(~np.isnan(sheet)) if sheet.size <= 2 * MOST_NUMBERS else ()
    if not 0 < len(cells) <= MOST_NUMBERS or height * scale < LEAST_LETTER:
        return None
    places = [(int(i), int(j)) for i, j in cells]
    for digits, zero in ((3, True), (2, True), (2, False)):
        texts = {p: _cell_text(float(sheet[p]), digits, zero) for p in places}
        longest = max(len(text) - 0.5 * ("." in text) for text in texts.values())
        size = min(height * 0.58, width * 0.92 / (0.61 * longest))
        if size * scale >= LEAST_LETTER:
            return Written(size, texts)
    return None


def _cell_text(value: float, digits: int, zero: bool) -> str:
    """A number; without the zero before its decimal point, if there is no room for it."""
    text = format_number(value, digits)
    sign = "−" if text.startswith("−") else ""
    bare = text.removeprefix("−")
    return text if zero or not bare.startswith("0.") else sign + bare[1:]


def paint_numbers(painter: QPainter, area: QRectF, image: QImage, sheet: np.ndarray) -> None:
    """Write the numbers of a sheet (H, W) into the cells of its image, if they fit.

    Args:
        area: that the image fills.
    """
    rows, columns = sheet.shape
    width, height = area.width() / columns, area.height() / rows
    found = written(sheet, width, height, painter.deviceTransform().m11())
    if found is None:
        return
    font = QFont(painter.font())
    font.setPixelSize(max(1, round(found.size * FINE)))
    inks = _inks()
    with painting.saved(painter):
        painter.setFont(font)
        painter.translate(area.topLeft())
        painter.scale(1 / FINE, 1 / FINE)
        for (row, column), text in found.texts.items():
            cell = QRectF(column * width, row * height, width, height)
            painter.setPen(inks[_luminance(image.pixelColor(column, row)) > EVEN])
            painter.drawText(_times(cell, FINE), Qt.AlignmentFlag.AlignCenter, text)


def _times(rect: QRectF, by: float) -> QRectF:
    return QRectF(rect.x() * by, rect.y() * by, rect.width() * by, rect.height() * by)


def _luminance(color: QColor) -> float:
    """How bright a colour is to the eye, 0 to 1 (WCAG 2.1, relative luminance; gamma of 2.2)."""
    red, green, blue = (math.pow(c, 2.2) for c in (color.redF(), color.greenF(), color.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@cache
def _inks() -> tuple[QColor, QColor]:
    """For dark and for light cells."""
    dark, light = (palette.THEMES[name].color("text") for name in ("light", "dark"))
    return light, dark


def fitted(rect: QRectF, width: float, height: float) -> QRectF:
    """The largest rectangle of these proportions inside another, in its centre."""
    scale = min(rect.width() / width, rect.height() / height)
    place = QRectF(0, 0, width * scale, height * scale)
    place.moveCenter(rect.center())
    return place


def paint_bars(painter: QPainter, rect: QRectF, values: np.ndarray) -> None:
    """One bar per value from the zero line, up or down; the largest fills the height.

    Values that are not finite leave a gap.
    """
    shown = painter.deviceTransform().mapRect(rect)
    wide, tall = (min(MOST_PIXELS, max(1, round(s))) for s in (shown.width(), shown.height()))
    image, zero = _bars(values, wide, tall)
    painter.drawImage(rect, image)
    line = rect.top() + zero * rect.height()
    painter.setPen(palette.current().color("muted", 120))
    painter.drawLine(QPointF(rect.left(), line), QPointF(rect.right(), line))


def _bars(values: np.ndarray, width: int, height: int) -> tuple[QImage, float]:
    """The bars over a number of pixels, and where the zero line is, 0 above to 1 below.

    Painted bar by bar they would take most of the time that a running net takes to paint.
    """
    finite = np.where(np.isfinite(values), values, 0.0)
    largest = float(np.abs(finite).max(initial=0.0)) or 1.0
    shares = finite / largest
    low, high = min(0.0, float(shares.min(initial=0))), max(0.0, float(shares.max(initial=0)))
    span = (high - low) or 1.0
    bar = np.arange(width + 1) * len(values) // width
    gap = (bar[1:] != bar[:-1]) & (width > 3 * len(values))
    share = np.where(gap, 0.0, shares[bar[:-1]]) if len(values) else np.zeros(width)
    zero, down = high / span * height, np.arange(height)[:, None] + 0.5
    ends = zero - share / span * height
    inside = (down > np.minimum(zero, ends)) & (down < np.maximum(zero, ends))
    shade = np.ceil(np.abs(share) * SHADES) * np.sign(share)
    color = _bar_words(palette.current().name)[shade.astype(np.intp) + SHADES]
    pixels = np.where(inside, color, np.uint32(0))
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy(), zero / height


@cache
def _bar_words(theme: str) -> np.ndarray:
    """0xAARRGGBB of every shade, the longest bar below zero first.

    From a colour that is seen for the smallest bars to the strongest for the largest.
    """
    shades = np.arange(-SHADES, SHADES + 1)
    strength = np.sign(shades) * (0.45 + 0.55 * np.abs(shades) / SHADES)
    place = np.rint(255 * (strength + 1) / 2).astype(np.intp)
    return _words("diverging", theme)[place]


def paint_number(painter: QPainter, rect: QRectF, value: float) -> None:
    """A number, as large as fits."""
    text = format_number(value)
    font = QFont(painter.font())
    font.setPixelSize(max(6, int(min(rect.height() * 0.5, rect.width() / max(4, len(text)) * 1.6))))
    font.setWeight(QFont.Weight.DemiBold)
    with painting.saved(painter):
        painter.setFont(font)
        painter.setPen(palette.current().color("text"))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
