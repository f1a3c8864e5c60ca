"""Typeset mathematics from LaTeX."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from PySide6.QtCore import QByteArray, QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import painting, palette

SIZE = 17.0
GAP = 10.0
_PARTS = re.compile(r",(?:\\ |\\quad)\s*(?=\\partial|[a-z] *\\leftarrow)")
_SIGN = re.compile(r"(^|[(=]\s*)-")


class FormulaView(QWidget):
    """Formulas below each other, each as large as its neighbours; too wide ones are shrunk."""

    def __init__(self, *latex: str) -> None:
        super().__init__()
        self._latex: tuple[str, ...] = ()
        self._drawn: list[QSvgRenderer] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        palette.notifier.changed.connect(self._restyle)
        self.set_latex(*latex)

    @property
    def latex(self) -> tuple[str, ...]:
        """What is shown."""
        return self._latex

    def set_latex(self, *formulas: str) -> None:
        """Show these; a formula that cannot be typeset is left out."""
        kept = tuple(f for f in formulas if f)
        if kept != self._latex:
            self._latex = kept
            self._drawn = self._renderers()
            self.setMinimumHeight(self.sizeHint().height())
            self.setAccessibleName("; ".join(kept))
            self.updateGeometry()
            self.update()

    def _restyle(self) -> None:
        self._drawn = self._renderers()
        self.update()

    def _renderers(self) -> list[QSvgRenderer]:
        color = palette.current().text
        found = []
        for formula in self._latex:
            if drawn := svg(formula, SIZE, color):
                found.append(QSvgRenderer(QByteArray(drawn)))
        return found

    def sizeHint(self) -> QSize:
        sizes = [r.defaultSize() for r in self._drawn]
        height = sum(s.height() + GAP for s in sizes)
        return QSize(max((s.width() for s in sizes), default=120), max(24, round(height)))

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting.on(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            top = 2.0
            for renderer in self._drawn:
                size = renderer.defaultSize()
                shrink = min(1.0, (self.width() - 4) / max(1, size.width()))
                wide, high = size.width() * shrink, size.height() * shrink
                renderer.render(painter, QRectF(2, top, wide, high))
                top += high + GAP


def formulas(latex: str) -> list[str]:
    """The formulas in one text, each fit for a line of its own."""
    return [part.strip() for part in _PARTS.split(latex) if part and part.strip()]


def typeset_ahead(formulas: Iterable[str]) -> None:
    """Typeset formulas before they are shown: the first time takes 5 to 100 ms each."""
    for formula in formulas:
        svg(formula, SIZE, palette.current().text)


@lru_cache(maxsize=512)
def svg(latex: str, size: float, color: str) -> bytes:
    """Return the formula as SVG; empty if it cannot be typeset."""
    try:
        signs = _SIGN.sub(r"\1{-}", latex)  # no gap, as there is around a minus between terms
        return str(_ziamath().Latex(signs, size=size, color=color).svg()).encode()
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return b""


@lru_cache(maxsize=1)
def _ziamath() -> Any:
    """Imported when the first formula is wanted: its font takes a moment to load."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its use of importlib.resources
        import ziamath
    ziamath.config.svg2 = False  # Qt draws SVG Tiny, which has no symbols
    return ziamath
