"""What scrolls: panels that let a window be small, and fields that the wheel passes over."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

LEAST = QSize(240, 100)
"""What a panel asks for at most; where it gets less than it needs, it scrolls."""


BESIDE_WINDOW = QSize(16, 40)
"""What a window's frame takes of the screen."""


def resize_within(window: QWidget, width: int, height: int) -> None:
    """Give a window a size, as far as the screen has room for it."""
    room = window.screen().availableSize() - BESIDE_WINDOW
    window.resize(QSize(width, height).boundedTo(room))


class Scroller(QScrollArea):
    """Shows a widget as large as there is room, and scrolls what does not fit.

    Qt's own ``widgetResizable`` gives a widget with wrapped words its preferred height.

    Signals:
        room_changed: the size that can be seen without scrolling.
    """

    room_changed = Signal(QSize)

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self._inside = inside
        self.setWidget(inside)
        inside.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        return self._needed().boundedTo(LEAST)

    def sizeHint(self) -> QSize:
        return self._inside.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.room_changed.emit(self.maximumViewportSize())
        self._fill()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._inside and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self._fill()
        return super().eventFilter(watched, event)

    def _needed(self) -> QSize:
        return self._inside.minimumSizeHint().expandedTo(self._inside.minimumSize())

    def _fill(self) -> None:
        needed, room = self._needed(), self.maximumViewportSize()
        layout = self._inside.layout()
        if layout is not None and layout.hasHeightForWidth():
            wide = max(needed.width(), room.width())
            needed.setHeight(max(needed.height(), layout.totalMinimumHeightForWidth(wide)))
        if needed.width() > room.width():
            room.setHeight(room.height() - self.horizontalScrollBar().sizeHint().height())
        if needed.height() > room.height():
            room.setWidth(room.width() - self.verticalScrollBar().sizeHint().width())
        self._inside.resize(room.expandedTo(needed))


def scroll_to(widget: QWidget) -> None:
    """Scroll all areas around a widget so far that it is seen."""
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget)
        above = above.parentWidget()


class WheelGuard(QObject):
    """An event filter: a field takes the wheel only while it has the focus."""

    def watch(self, *fields: QWidget) -> None:
        """Guard these; the wheel does not give them the focus either."""
        for field in fields:
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        wheel = event.type() == QEvent.Type.Wheel
        if wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
