"""The tabs of the docks: whole titles where there is room for them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QMainWindow, QTabBar

_ICON = QSize(16, 16)
_BESIDE_TEXT, _BESIDE_ICON = 26, 14
"""Pixels at both sides of a title, and between its icon and it, in the style sheet's tabs."""


class DockTabs(QObject):
    """Leaves the icons out, and most of the room between titles, where these would be cut.

    Signals:
        clicked: title of the panel whose tab was clicked.
    """

    clicked = Signal(str)

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._known: set[QTabBar] = set()

    def refresh(self) -> None:
        """Find the bars there are now, and fit them."""
        direct = Qt.FindChildOption.FindDirectChildrenOnly
        for bar in self._window.findChildren(QTabBar, options=direct):
            if bar not in self._known:
                self._known.add(bar)
                bar.setElideMode(Qt.TextElideMode.ElideNone)  # the arrows at its end reach the rest
                bar.installEventFilter(self)
                bar.tabBarClicked.connect(lambda i, b=bar: self.clicked.emit(b.tabText(i)))
                bar.destroyed.connect(lambda _o=None, b=bar: self._known.discard(b))
            self._fit(bar)
            for scrolls in (False, True):  # back from where it stood when it had less room
                bar.setUsesScrollButtons(scrolls)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and isinstance(watched, QTabBar):
            self._fit(watched)
        return False

    def _fit(self, bar: QTabBar) -> None:
        texts = sum(bar.fontMetrics().horizontalAdvance(bar.tabText(i)) for i in range(bar.count()))
        whole = texts + bar.count() * (_ICON.width() + _BESIDE_ICON + _BESIDE_TEXT)
        compact = whole > bar.width()
        if bar.property("compact") is not compact:
            bar.setProperty("compact", compact)
            bar.setIconSize(QSize(0, 0) if compact else _ICON)
            bar.style().unpolish(bar)
            bar.style().polish(bar)
