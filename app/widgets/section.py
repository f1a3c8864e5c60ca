"""Headed blocks of a panel, and labels for what is stated in them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import QFormLayout, QLabel, QWidget

from app.widgets.layouts import in_column

TEXT_INTERACTION = (
    Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.LinksAccessibleByMouse
)
"""Text can be selected and copied."""


def heading(text: str) -> QLabel:
    """A small, dim, spaced heading."""
    label = QLabel(text.upper())
    font = QFont(label.font())
    font.setPointSizeF(max(7.0, font.pointSizeF() * 0.88))
    font.setWeight(QFont.Weight.DemiBold)
    font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.6)
    label.setFont(font)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def title(text: str) -> QLabel:
    """The title of a page."""
    label = QLabel(text)
    font = QFont(label.font())
    font.setPointSizeF(font.pointSizeF() * 1.3)
    font.setWeight(QFont.Weight.DemiBold)
    label.setFont(font)
    return label


def section(name: str, *widgets: QWidget) -> QWidget:
    """Widgets below each other under a heading."""
    block = QWidget()
    column = in_column(heading(name), on=block, margins=0, spacing=8)
    for widget in widgets:
        column.addWidget(widget)
    return block


def text_label(text: str = "", dim: bool = False) -> QLabel:
    """Wrapped text that can be selected and copied."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(TEXT_INTERACTION)
    if dim:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


class Facts(QWidget):
    """Name and value pairs; ``show`` replaces the values."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(4)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.values: dict[str, QLabel] = {}
        for name in names:
            label = QLabel(name)
            label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            value = text_label()
            value.setAccessibleName(name)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            form.addRow(label, value)
            self.values[name] = value

    def show_values(self, values: dict[str, str]) -> None:
        """Show a value for each name; a name without one is left empty."""
        for name, label in self.values.items():
            label.setText(values.get(name, ""))
