"""Painting small arrays: feature maps, matrices, bars, single numbers."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter

from app.style import palette


def format_number(x: float, digits: int = 4) -> str:
    """``x`` with so many significant digits; very large and very small ones as powers of ten."""
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else ("∞" if x > 0 else "−∞")
    text = f"{x:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


def montage(array: np.ndarray, aspect: float = 2.0) -> np.ndarray:
    """Feature maps (C, H, W) side by side with one pixel between; gaps are NaN.

    Args:
        aspect: wanted width over height of the whole.
    """
    count, height, width = array.shape
    columns = min(count, max(1, round(math.sqrt(count * aspect * height / max(width, 1)))))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan, np.float32)
    for i in range(count):
        y, x = (i // columns) * (height + 1), (i % columns) * (width + 1)
        sheet[y : y + height, x : x + width] = array[i]
    return sheet


def to_image(array: np.ndarray, low: float, high: float, signed: bool) -> QImage:
    """A matrix as an image: signed values diverge from 0, others run from low to high.

    NaN is transparent.
    """
    if signed:
        largest = max(abs(low), abs(high)) or 1.0
        low, high = -largest, largest
    span = (high - low) or 1.0
    missing = np.isnan(array)
    scaled = np.where(missing, 0.0, (array - low) * (255.0 / span))
    index = np.clip(scaled, 0, 255).astype(np.uint8)
    pixels = np.empty((*array.shape, 4), np.uint8)
    pixels[..., :3] = palette.lut("diverging" if signed else "sequential")[index]
    pixels[..., 3] = np.where(missing, 0, 255)
    height, width = array.shape
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return image.copy()


def paint_image(painter: QPainter, rect: QRectF, image: QImage) -> None:
    """Draw an image as large as fits, in its own proportions, with hard pixels."""
    scale = min(rect.width() / image.width(), rect.height() / image.height())
    width, height = image.width() * scale, image.height() * scale
    place = QRectF(0, 0, width, height)
    place.moveCenter(rect.center())
    painter.drawImage(place, image)


def paint_bars(painter: QPainter, rect: QRectF, values: np.ndarray) -> None:
    """One bar per value from the zero line, up or down; the largest fills the height."""
    p = palette.current()
    largest = float(np.abs(values).max()) or 1.0
    low = min(0.0, float(values.min())) / largest
    high = max(0.0, float(values.max())) / largest
    span = (high - low) or 1.0
    zero = rect.bottom() + low / span * rect.height()
    width = rect.width() / len(values)
    gap = 1.0 if width > 3 else 0.0
    table = palette.lut("diverging")
    painter.setPen(Qt.PenStyle.NoPen)
    for i, value in enumerate(values.tolist()):
        share = value / largest
        height = share / span * rect.height()
        r, g, b = table[int(127.5 + 127.5 * (0.35 * (1 if share > 0 else -1) + 0.65 * share))]
        painter.setBrush(QColor(int(r), int(g), int(b)))
        painter.drawRect(QRectF(rect.left() + i * width, zero - height, width - gap, height))
    painter.setPen(p.color("muted", 120))
    painter.drawLine(int(rect.left()), round(zero), int(rect.right()), round(zero))


def paint_number(painter: QPainter, rect: QRectF, value: float) -> None:
    """A number, as large as fits."""
    text = format_number(value)
    font = QFont(painter.font())
    font.setPixelSize(int(min(rect.height() * 0.5, rect.width() / max(4, len(text)) * 1.6)))
    font.setWeight(QFont.Weight.DemiBold)
    painter.save()
    painter.setFont(font)
    painter.setPen(palette.current().color("text"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()
