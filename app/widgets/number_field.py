"""Fields for numbers that take them as people write them: 1e-3, 0,05, 60 000."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QRect
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox, QToolTip, QWidget

MOST_DECIMALS = 12
ROOM = "0.0008888"
READ_MS = 8000
"""How long it is said that a number was refused, unless something is typed or clicked."""
Judged = tuple[QValidator.State, str, int]
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}([ ,]\d{3})+(?=\.|$)")


def parse_number(text: str, whole: bool = False) -> float | None:
    """Return the number that is written in a text; None if it is none.

    A comma is a decimal one where it cannot part thousands. Where it can be either it parts them
    in a whole number, and any other is refused.
    """
    text = text.strip().replace("−", "-").replace("\u00a0", " ").replace("\u202f", " ")
    if _THOUSANDS.match(text):
        if text.count(",") == 1 and "." not in text and not whole:
            return None
        text = text.replace(",", "").replace(" ", "")
    elif text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", text, re.IGNORECASE):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _bare(field: QSpinBox | QDoubleSpinBox, text: str) -> str:
    """A field's text without what stands around the number."""
    return text.removeprefix(field.prefix()).removesuffix(field.suffix())


def _judge(text: str, low: float, high: float, whole: bool) -> QValidator.State:
    """Let everything stand while it is typed: a letter left out would make another number."""
    value = parse_number(text, whole)
    if value is None or not low <= value <= high or (whole and value != int(value)):
        return QValidator.State.Intermediate
    return QValidator.State.Acceptable


def _refuse(field: QSpinBox | QDoubleSpinBox, text: str) -> str:
    """Say below a field why what was typed is put back; Qt would leave commas out instead."""
    shown: Callable[[Any], str] = field.textFromValue
    low, high = shown(field.minimum()), shown(field.maximum())
    told = QCoreApplication.translate("NumberField", "{0} is refused: a number from {1} to {2}")
    if field.isVisible() and text.strip():
        at = field.mapToGlobal(field.rect().bottomLeft())
        sentence = told.format(_bare(field, text).strip(), low, high)
        QToolTip.showText(at, sentence, field, QRect(), READ_MS)
    return text


class NumberField(QDoubleSpinBox):
    """A number of any size, shown as short as it is; what is none is put back on Return."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(MOST_DECIMALS)
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance(ROOM) + 36)

    def validate(self, text: str, position: int) -> Judged:
        """Judge what is typed; see QAbstractSpinBox."""
        bare = _bare(self, text)
        return _judge(bare, self.minimum(), self.maximum(), False), text, position

    def valueFromText(self, text: str) -> float:
        """Read the number that is shown; see QDoubleSpinBox."""
        bare = _bare(self, text)
        value = parse_number(bare)
        return self.value() if value is None else value

    def fixup(self, text: str) -> str:
        """Mend nothing; see ``_refuse``."""
        return _refuse(self, text)

    def textFromValue(self, value: float) -> str:
        """Write a number; see QDoubleSpinBox."""
        text = f"{value:.6g}" if float(f"{value:.6g}") == value else f"{value:.12g}"
        return re.sub(r"e([-+])0*(\d)", lambda m: "e" + m[1].strip("+") + m[2], text)


class WholeField(QSpinBox):
    """A whole number, which may be written as 1e3 or 60 000."""

    def validate(self, text: str, position: int) -> Judged:
        """Judge what is typed; see QAbstractSpinBox."""
        if text == self.specialValueText():
            return QValidator.State.Acceptable, text, position
        bare = _bare(self, text)
        return _judge(bare, self.minimum(), self.maximum(), True), text, position

    def valueFromText(self, text: str) -> int:
        """Read the number that is shown; see QSpinBox."""
        if text == self.specialValueText():
            return self.minimum()
        value = parse_number(_bare(self, text), True)
        return self.value() if value is None else int(value)

    def fixup(self, text: str) -> str:
        """Mend nothing; see ``_refuse``."""
        return _refuse(self, text)
