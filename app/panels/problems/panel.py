"""The problems: every node whose shapes do not fit or whose inputs are open, each in a sentence."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedLayout,
    QWidget,
)

from app.panels.panel import Panel
from app.style import icons
from app.widgets.layouts import in_column
from app.widgets.two_lines import SUMMARY, TwoLines
from graphcore.errors import GradscapeError
from graphcore.graph.shapes import Problem

_NODE = int(Qt.ItemDataRole.UserRole) + 1


class ProblemsPanel(Panel):
    """A row per problem: a click selects the node, the button applies the proposed fix.

    Signals:
        node_chosen: names of the nodes to select.
        counted: how many problems there are.
    """

    counted = Signal(int)

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__(document, engine)
        self._shown: dict[str, Problem] = {}
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Problems"))
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.setItemDelegate(TwoLines(self.list))
        self.list.itemSelectionChanged.connect(self._choose)
        self.list.itemActivated.connect(lambda _item: self._choose())
        self.fix = QPushButton()
        self.fix.clicked.connect(self._fix)
        self.fix.hide()
        self._empty = QLabel(self.tr("No problems: every shape fits."))
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        filled = QWidget()
        column = in_column(self.list, on=filled, margins=(8, 8, 8, 8))
        column.addWidget(self.fix, 0, Qt.AlignmentFlag.AlignLeft)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(filled)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(0)
        self._late.timeout.connect(self.refresh)
        for signal in (
            document.changed, document.shapes_changed, document.opened, document.level_changed,
        ):  # fmt: skip
            signal.connect(self._request)
        self.refresh()

    def _request(self, _what: Any = None) -> None:
        self._late.start()

    def refresh(self) -> None:
        """Show the problems as they are now; the list is left alone if they are the same."""
        problems = self._document.shapes.problems
        if problems != self._shown:
            self._fill(problems)
        self._stack.setCurrentIndex(1 if problems else 0)
        self.counted.emit(len(problems))

    def _fill(self, problems: dict[str, Problem]) -> None:
        self._shown = dict(problems)
        self.list.blockSignals(True)
        self.list.clear()
        for name, problem in problems.items():
            item = QListWidgetItem(_icon(problem), name)
            item.setData(SUMMARY, problem.message)
            item.setData(_NODE, name)
            item.setToolTip(problem.message)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._show_fix(None)

    def _choose(self) -> None:
        items = self.list.selectedItems()
        if items:
            name = items[0].data(_NODE)
            self._show_fix(self._shown.get(name))
            self.node_chosen.emit([name])

    def _show_fix(self, problem: Problem | None) -> None:
        fix = problem.fix if problem is not None else None
        self.fix.setVisible(fix is not None)
        self.fix.setText(fix.label if fix is not None else "")

    def _fix(self) -> None:
        for item in self.list.selectedItems():
            try:
                self._document.apply_fix(item.data(_NODE))
            except GradscapeError as error:
                self._document.message.emit(str(error))


def _icon(problem: Problem) -> Any:
    return icons.icon("problem" if problem.kind == "error" else "open_input")
