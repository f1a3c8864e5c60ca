"""A passage of a lesson: Markdown by Qt, formulas by ziamath, numbers that are put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QUrl
from PySide6.QtGui import (
    QImage,
    QPalette,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QWidget

from app.style import painting, palette
from app.widgets.formula import svg
from app.widgets.numbers import format_number

_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.DOTALL)
_NUMBER = re.compile(r"\{([^{}\n]{1,200})\}")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|])")
_NAME = "formula:"
UNKNOWN = "…"


class Prose(QTextBrowser):
    """Shows one passage, as high as it needs.

    Args:
        markdown: the passage; formulas stand between dollar signs, live numbers between braces.
        lives: of each number: the expression's text and its format.
    """

    def __init__(self, markdown: str, lives: Mapping[str, Any], parent: QWidget | None = None):
        super().__init__(parent)
        self._markdown, self.lives = markdown, lives
        self._values: Mapping[str, Any] = {}
        self._figures: Mapping[str, Any] = {}
        self._formulas: list[str] = []
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setOpenLinks(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setAutoFillBackground(False)
        self.document().setDocumentMargin(0)
        palette.notifier.changed.connect(self._show)
        self._show()

    def say(self, markdown: str) -> None:
        """Show another passage, without numbers that are put in."""
        self._markdown, self.lives = markdown, {}
        self._show()

    @property
    def expressions(self) -> tuple[str, ...]:
        """What the numbers of the passage ask."""
        return tuple(str(live.expression) for live in self.lives.values())

    def put(self, values: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
        """Show these values of expressions and figures of measures; others keep a dot."""
        if self.lives and (values, figures) != (self._values, self._figures):
            self._values, self._figures = values, figures
            self._show()

    def _show(self) -> None:
        self._formulas.clear()
        text = _FORMULA.sub(self._note_formula, self._markdown)
        text = _NUMBER.sub(self._number, text)
        features = QTextDocument.MarkdownFeature
        self.document().setMarkdown(text, features.MarkdownDialectGitHub | features.MarkdownNoHTML)
        self._centre_formulas()
        self.setAccessibleName(_NUMBER.sub(self._number, self._markdown).replace("*", ""))
        self._fit()

    def _note_formula(self, found: re.Match[str]) -> str:
        self._formulas.append((found[1] or found[2]).strip())
        image = f"![formula]({_NAME}{len(self._formulas) - 1})"
        return f"\n\n{image}\n\n" if found[1] else image

    def _number(self, found: re.Match[str]) -> str:
        live = self.lives.get(found[1])
        if live is None:
            return found[0]
        value = live.value(self._values, self._figures)
        return _SPECIAL.sub(r"\\\1", UNKNOWN if value is None else shown(value, live.format))

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """Formulas are drawn; nothing else is loaded from anywhere."""
        place = QUrl(name).toString().removeprefix(_NAME)
        if place.isdecimal() and int(place) < len(self._formulas):
            return self._drawn(self._formulas[int(place)])
        return QImage()

    def _drawn(self, latex: str) -> QImage:
        color = self.palette().color(QPalette.ColorRole.WindowText).name()
        size = self.fontMetrics().height() * 0.95
        renderer = QSvgRenderer(QByteArray(svg(latex, size, color)))
        wanted = renderer.defaultSize()
        if wanted.isEmpty():
            return QImage()
        ratio = self.devicePixelRatioF()
        image = QImage(wanted * ratio, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        with painting.on(image) as painter:
            renderer.render(painter)
        image.setDevicePixelRatio(ratio)
        return image

    def _centre_formulas(self) -> None:
        """A formula stands in the middle of its line of text."""
        block = self.document().begin()
        while block.isValid():
            pieces = block.begin()
            while not pieces.atEnd():
                piece = pieces.fragment()
                if piece.charFormat().isImageFormat():
                    cursor = QTextCursor(block)
                    cursor.setPosition(piece.position())
                    cursor.setPosition(
                        piece.position() + piece.length(), QTextCursor.MoveMode.KeepAnchor
                    )
                    middle = piece.charFormat()
                    middle.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignMiddle)
                    cursor.setCharFormat(middle)
                pieces += 1
            block = block.next()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._show()

    def _fit(self) -> None:
        self.document().setTextWidth(self.viewport().width())
        high = round(self.document().size().height()) + 2
        if high != self.height():
            self.setFixedHeight(high)

    def sizeHint(self) -> QSize:
        return QSize(240, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.height())


def shown(value: Any, form: str = "") -> str:
    """A value as a text shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return format(value, form) if form else format_number(value)
