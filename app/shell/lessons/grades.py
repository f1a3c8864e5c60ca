"""The table of a class's answers: who predicted what, who did what, and what misled most."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
)

from app.files.job import Job
from app.style import palette
from app.widgets import file_dialogs
from app.widgets.layouts import in_column, in_row
from app.widgets.section import text_label
from graphcore.errors import GradscapeError
from graphcore.files.atomic import write_atomically
from graphcore.lessons import grading
from graphcore.lessons.grading import Cell, Graded, Grades

MARKS = {True: "✓ ", False: "✗ ", None: ""}


class GradesDialog(QDialog):
    """Reads a folder of answer files, in a process of its own, and shows a table per lesson."""

    def __init__(self, window: Any, folder: str) -> None:
        super().__init__(window)
        self._window, self.graded = window, Graded(())
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Answers"))
        self.resize(min(1100, window.width() - 60), min(640, window.height() - 60))
        self.lessons = QComboBox()
        self.lessons.setAccessibleName(self.tr("Lesson"))
        self.lessons.currentIndexChanged.connect(self._show)
        self.table = QTableWidget()
        self.table.setAccessibleName(self.tr("Answers"))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.said = text_label()
        self.said.setText(self.tr("Reading the answers …"))
        self.write = QPushButton(self.tr("Write the table…"))
        self.write.setEnabled(False)
        self.write.clicked.connect(self._on_write)
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.close)
        column = in_column(self.lessons, (self.table, 1), self.said, on=self)
        column.addLayout(in_row(0, self.write, close))
        self._folder = tempfile.TemporaryDirectory(prefix="gradscape-grades-")
        self._out = Path(self._folder.name) / "grades.json"
        self._job: Job | None = Job(
            ["lesson", "grade", folder, "--json", str(self._out), *_lesson(window)], self
        )
        self._job.ended.connect(self._on_ended)
        self.finished.connect(lambda _result: self._end())

    def _end(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self._folder.cleanup()

    def _on_ended(self, error: str) -> None:
        self._job = None
        if not self._out.exists():
            self.said.setText(error)
            return
        self.graded = msgspec.json.decode(self._out.read_bytes(), type=Graded)
        self.lessons.addItems([table.lesson for table in self.graded.tables])
        self.write.setEnabled(bool(self.graded.tables))
        self._show()

    @property
    def grades(self) -> Grades | None:
        """The table that is shown."""
        place = self.lessons.currentIndex()
        return self.graded.tables[place] if 0 <= place < len(self.graded.tables) else None

    def _show(self) -> None:
        table = self.grades
        lines = list(self.graded.refused)
        if table is not None:
            self._fill(table)
            count = len(table.rows)
            wrong = self.tr("Commonest wrong answer to {0}: {1} ({2} of {3}).")
            lines = [
                *(wrong.format(q, text, n, count) for q, (text, n) in table.misled.items()),
                *table.notes, *lines,
            ]  # fmt: skip
        self.said.setText("\n".join(lines))

    def _fill(self, table: Grades) -> None:
        self.table.setRowCount(len(table.rows))
        self.table.setColumnCount(len(table.columns))
        self.table.setHorizontalHeaderLabels(list(table.columns))
        self.table.setVerticalHeaderLabels([student for student, _ in table.rows])
        for row, (_, cells) in enumerate(table.rows):
            for column, cell in enumerate(cells):
                self.table.setItem(row, column, _item(cell))
        self.table.resizeColumnsToContents()
        for column in range(self.table.columnCount()):
            self.table.setColumnWidth(column, min(260, self.table.columnWidth(column)))
        self.table.resizeRowsToContents()

    def _on_write(self) -> None:
        """Ask for a file and write the table that is shown."""
        table = self.grades
        path = self._window.files.ask_new(file_dialogs.ask_table, ".html")
        if not path or table is None:
            return
        text = grading.as_csv(table) if path.endswith(".csv") else grading.as_html(table)
        try:
            write_atomically(Path(path), text.encode())
        except (GradscapeError, OSError) as error:
            self.said.setText(str(error))


def _lesson(window: Any) -> list[str]:
    """The lesson that is played now, whose answers they may be."""
    return ["--lesson", str(window.lessons.path)] if window.in_lesson else []


def _item(cell: Cell) -> QTableWidgetItem:
    item = QTableWidgetItem(MARKS[cell.right] + cell.text)
    item.setToolTip(cell.text)
    if cell.right is False:
        item.setForeground(QColor(palette.current().error))
    return item
