"""Where in a net of composites one is: a button for each level, at the upper left."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from app.document.document import Document

MARGIN = 10


class Breadcrumbs(QWidget):
    """Shown inside a composite; the last name is the level that is shown."""

    def __init__(self, over: QWidget, document: Document) -> None:
        super().__init__(over)
        self.setObjectName("breadcrumbs")
        self.setAccessibleName(self.tr("Levels of the net, down to the one that is shown"))
        self.setAutoFillBackground(True)
        self._document = document
        self.buttons: list[QToolButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(4, 2, 8, 2)
        self._row.setSpacing(2)
        self.move(MARGIN, MARGIN)
        for signal in (self._document.level_changed, self._document.opened):
            signal.connect(self.refresh)
        self.hide()

    def refresh(self) -> None:
        """Show the levels as they are now."""
        while (item := self._row.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.buttons = []
        levels = self._document.levels
        for depth, level in enumerate(levels):
            if depth:
                self._row.addWidget(QLabel("›"))
            button = QToolButton()
            button.setText(level.name or self.tr("Whole net"))
            button.setAutoRaise(True)
            button.setEnabled(depth < len(levels) - 1)
            button.setToolTip(self.tr("Go back to this level (Shift+E leaves the current one)"))
            button.clicked.connect(partial(self._document.leave, depth))
            self._row.addWidget(button)
            self.buttons.append(button)
        self.setVisible(len(levels) > 1)
        self.adjustSize()
        self.raise_()
