"""The dialog that lists every shortcut and lets the user change it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from app.shell.actions import ActionTable, Window
from app.widgets.actions import Action, full_name, plain, translated
from app.widgets.layouts import in_column, in_row
from app.widgets.scroller import resize_within
from app.widgets.typed_search import matches


class ShortcutsDialog(QDialog):
    """A row per action. A shortcut that another action has is refused by that action's name."""

    def __init__(self, table: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        resize_within(self, 560, 560)
        self._table = table
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter actions"))
        self.filter.textChanged.connect(self._show_matching)
        self.tree = QTreeWidget()
        self.tree.setRootIsDecorated(False)
        self.tree.setHeaderLabels([self.tr("Action"), self.tr("Shortcut")])
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.rows: dict[str, QTreeWidgetItem] = {}
        for row in self._table.rows:
            item = QTreeWidgetItem([full_name(row), ""])
            item.setIcon(0, table.actions[row.id].icon())
            item.setToolTip(0, translated(row.tip))
            item.setData(0, Qt.ItemDataRole.UserRole, row)
            self.tree.addTopLevelItem(item)
            self.rows[row.id] = item
        self.keys = QKeySequenceEdit()
        self.keys.setMaximumSequenceLength(1)
        self.keys.setClearButtonEnabled(True)
        self.keys.setAccessibleName(self.tr("Shortcut of the marked action"))
        self.note = QLabel()
        self.note.setWordWrap(True)
        self._lay_out()
        self.tree.currentItemChanged.connect(lambda *_: self._show_current())
        self.keys.editingFinished.connect(self._take)
        self._refresh()
        self.tree.setCurrentItem(self.rows[table.rows[0].id])

    def _lay_out(self) -> None:
        reset = QPushButton(self.tr("Default"))
        reset.clicked.connect(self._reset)
        reset.setAutoDefault(False)  # Enter in the filter resets nothing
        line = in_row(QLabel(self.tr("Press the keys:")), (self.keys, 1), reset)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        in_column(self.filter, self.tree, line, self.note, buttons, on=self)

    def _current(self) -> Action[Window] | None:
        item = self.tree.currentItem()
        return item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None

    def _show_current(self) -> None:
        row = self._current()
        self.note.clear()
        self.keys.setKeySequence(
            QKeySequence.fromString(self._table.shortcut(row)) if row else QKeySequence()
        )

    def _take(self) -> None:
        if row := self._current():
            self.assign(row, self.keys.keySequence().toString())

    def _reset(self) -> None:
        if row := self._current():
            self.assign(row, row.shortcut)

    def assign(self, row: Action[Window], shortcut: str) -> bool:
        """Give the action this shortcut unless another has it."""
        owner = self._table.owner(shortcut, row)
        if owner is not None:
            self.note.setText(
                self.tr("{0} is the shortcut of {1}; change that first.").format(
                    shortcut, plain(owner.text)
                )
            )
            return False
        self._table.set_shortcut(row, shortcut)
        self._refresh()
        self._show_current()
        return True

    def _refresh(self) -> None:
        for row in self._table.rows:
            keys = QKeySequence.fromString(self._table.shortcut(row))
            shown = keys.toString(QKeySequence.SequenceFormat.NativeText)
            self.rows[row.id].setText(1, shown)

    def _show_matching(self, text: str) -> None:
        for row in self._table.rows:
            found = matches(text, full_name(row), translated(row.tip))
            self.rows[row.id].setHidden(not found)
