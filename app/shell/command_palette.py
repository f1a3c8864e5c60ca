"""The command palette: type a few letters, press Enter, and the command runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QIcon, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QWidget,
)

from app.widgets.layouts import in_column
from app.widgets.two_lines import KEYS, SUMMARY, TwoLines
from app.widgets.typed_search import score

_PLACE = int(Qt.ItemDataRole.UserRole) + 1


@dataclass(frozen=True)
class Command:
    """One line of the palette: ``aliases`` are found too, though they are not shown."""

    text: str
    help: str
    run: Callable[[], object]
    icon: QIcon
    keys: str = ""
    aliases: tuple[str, ...] = ()


BELOW = 90
"""Pixels between the window's upper edge and the box."""


class CommandPalette(QDialog):
    """A frameless search box over the window; Escape or a click elsewhere closes it."""

    def __init__(self, commands: Sequence[Command], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._commands = list(commands)
        self.setWindowTitle(self.tr("Command palette"))
        self.setFixedSize(min(560, parent.width() - 20), min(400, parent.height() - BELOW - 10))
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Type a command, an operator or a graph"))
        self.search.setAccessibleName(self.tr("Search commands"))
        self.search.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Commands"))
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.setItemDelegate(TwoLines(self.list))
        self.list.setMouseTracking(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        frame = QFrame()
        frame.setObjectName("popup")
        in_column(self.search, self.list, on=frame, margins=(10, 10, 10, 10))
        in_column(frame, on=self, margins=0)
        self.search.textChanged.connect(self.look_for)
        self.list.itemClicked.connect(lambda _item: self.run_current())
        self.look_for("")
        middle = parent.mapToGlobal(parent.rect().center())
        top = parent.mapToGlobal(parent.rect().topLeft())
        self.move(middle.x() - self.width() // 2, top.y() + BELOW)
        self.search.setFocus()

    def look_for(self, query: str) -> None:
        """List what fits, the best first."""
        ranked = [(score(query, c.text, *c.aliases), i) for i, c in enumerate(self._commands)]
        self.list.clear()
        for points, i in sorted(ranked, key=lambda pair: (-pair[0], pair[1])):
            if points == 0:
                break
            command = self._commands[i]
            item = QListWidgetItem(command.icon, command.text)
            item.setData(SUMMARY, command.help)
            item.setData(KEYS, command.keys)
            item.setData(_PLACE, i)
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def run_current(self) -> None:
        """Close, then run the command that is marked."""
        item = self.list.currentItem()
        if item is not None:
            command = self._commands[item.data(_PLACE)]
            self.accept()
            command.run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The arrows move through the list while the text keeps the focus."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
            key = Qt.Key(event.key())
            if key in steps and self.list.count():
                row = (self.list.currentRow() + steps[key]) % self.list.count()
                self.list.setCurrentRow(row)
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.run_current()
                return True
        return super().eventFilter(watched, event)
