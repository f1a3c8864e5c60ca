"""LaTeX drawn by ziamath, as labels that follow the theme and the screen's resolution."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import painting

_PARTS = re.compile(r",(?:\\ |\\quad)\s*(?=\\partial|[a-z] *\\leftarrow)")


@lru_cache(maxsize=512)
def svg(latex: str, size: float, color: str) -> bytes:
    """The formula as SVG; QtSvg draws no <symbol>, hence ``svg2`` off."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it finds its font the old way
        import ziamath

        ziamath.config.svg2 = False
        text: str = ziamath.Latex(latex, size=size, color=color).svg()
    return text.encode()


class FormulaLabel(QWidget):
    """One formula; it shrinks to the width there is. Its text is read out as LaTeX."""

    def __init__(self, latex: str, size: float = 16.0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._latex, self._size = latex, size
        self._renderer = QSvgRenderer(self)
        self.setAccessibleName(latex)
        self.setToolTip(latex)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._render()

    def _render(self) -> None:
        color = self.palette().color(QPalette.ColorRole.WindowText).name()
        self._renderer.load(svg(self._latex, self._size, color))
        self.setFixedHeight(self._renderer.defaultSize().height() + 4)
        self.update()

    def sizeHint(self) -> QSize:
        return self._renderer.defaultSize()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._render()
        super().changeEvent(event)

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        size = self._renderer.defaultSize()
        scale = min(1.0, self.width() / max(size.width(), 1))
        width, height = size.width() * scale, size.height() * scale
        with painting.on(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._renderer.setAspectRatioMode(Qt.AspectRatioMode.KeepAspectRatio)
            self._renderer.render(painter, QRectF(0, (self.height() - height) / 2, width, height))


def formulas(latex: str) -> list[str]:
    """The formulas in one text, each fit for a line of its own."""
    return [part.strip() for part in _PARTS.split(latex) if part and part.strip()]
