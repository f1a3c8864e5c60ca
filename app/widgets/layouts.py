"""Rows and columns of widgets, said in one call."""

from __future__ import annotations

from typing import TypeAlias

from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLayout, QVBoxLayout, QWidget

Part: TypeAlias = "QWidget | QLayout | int | tuple[QWidget | QLayout, int]"
"""A widget or a layout, with a stretch or without; a number is a stretch of empty room."""
Margins: TypeAlias = "int | tuple[int, int, int, int] | None"


def in_row(
    *parts: Part, on: QWidget | None = None, margins: Margins = None, spacing: int | None = None
) -> QHBoxLayout:
    """Return a layout of parts side by side; of a widget, if one is given with ``on``.

    Args:
        margins: on all sides, or left, above, right and below, in pixels; None is the style's.
    """
    row = QHBoxLayout(on) if on is not None else QHBoxLayout()
    _fill(row, parts, margins, spacing)
    return row


def in_column(
    *parts: Part, on: QWidget | None = None, margins: Margins = None, spacing: int | None = None
) -> QVBoxLayout:
    """Return a layout of parts below each other; see ``in_row``."""
    column = QVBoxLayout(on) if on is not None else QVBoxLayout()
    _fill(column, parts, margins, spacing)
    return column


def _fill(
    layout: QBoxLayout, parts: tuple[Part, ...], margins: Margins, spacing: int | None
) -> None:
    if margins is not None:
        around = (margins,) * 4 if isinstance(margins, int) else margins
        layout.setContentsMargins(*around)
    if spacing is not None:
        layout.setSpacing(spacing)
    for part in parts:
        thing, stretch = part if isinstance(part, tuple) else (part, 0)
        if isinstance(thing, int):
            layout.addStretch(thing)
        elif isinstance(thing, QLayout):
            layout.addLayout(thing, stretch)
        else:
            layout.addWidget(thing, stretch)
