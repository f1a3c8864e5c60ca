"""The courses that ship: each with its lessons in order, and how far one is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from graphcore.errors import GradscapeError
from graphcore.lessons import courses
from graphcore.lessons.courses import Collection, Course
from graphcore.lessons.format import Lesson
from graphcore.lessons.reader import ENDING

_PATH = int(Qt.ItemDataRole.UserRole) + 1


class CourseList(QTreeWidget):
    """Courses and their lessons; Enter or a click begins a lesson.

    Signals:
        chosen: path of a lesson.

    Args:
        done: which steps of a lesson were done.
        translate: (lesson, its file) -> the lesson in the language that was chosen.
    """

    chosen = Signal(str)

    def __init__(
        self, done: Callable[[str], set[int]], translate: Callable[[Lesson, Path], Lesson]
    ) -> None:
        super().__init__()
        self._done, self._translate = done, translate
        self._rows: list[tuple[QTreeWidgetItem, list[tuple[QTreeWidgetItem, Lesson]]]] = []
        self._filled = False
        self.setAccessibleName(self.tr("Courses"))
        self.setHeaderLabels([self.tr("Lesson"), self.tr("What it is about"), self.tr("Progress")])
        self.setRootIsDecorated(True)
        self.setUniformRowHeights(False)
        self.setFrameShape(QTreeWidget.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.header().setStretchLastSection(False)
        self.itemActivated.connect(self._on_item)
        self.itemClicked.connect(self._on_item)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.fill()

    def fill(self) -> None:
        """Read the lessons that ship, once."""
        if self._filled:
            return
        self._filled = True
        try:
            found = courses.collect(courses.shipped())
        except GradscapeError as error:
            self.addTopLevelItem(QTreeWidgetItem([str(error), "", ""]))
            return
        for course in found.courses:
            self._add(found, course, self.topLevelItemCount())
        if self._rows:
            self._rows[0][0].setExpanded(True)
        self.show_progress()

    def show_course(self, found: Collection, title: str) -> None:
        """Show the courses of a file before the others, the first of them opened."""
        self.fill()
        for i, course in enumerate(found.courses):
            named = course if course.title != found.folder.name else replace(course, title=title)
            self._add(found, named, i)
        top, rows = self._rows[0]
        top.setExpanded(True)
        self.setCurrentItem(rows[0][0])
        self.show_progress()

    def _add(self, found: Collection, course: Course, at: int) -> None:
        top = QTreeWidgetItem([course.title, course.text, ""])
        self.insertTopLevelItem(at, top)
        rows: list[tuple[QTreeWidgetItem, Lesson]] = []
        for name in course.order:
            lesson = found.lessons[name]
            row = QTreeWidgetItem()
            row.setData(0, _PATH, str(found.folder / f"{name}{ENDING}"))
            top.addChild(row)
            rows.append((row, lesson))
        self._rows.insert(at, (top, rows))

    def show_progress(self) -> None:
        """Say of each lesson how many steps are done, and of each course how many lessons.

        Titles are in the language that was chosen, where there is a translation.
        """
        for top, rows in self._rows:
            whole = 0
            for row, lesson in rows:
                shown = self._translate(lesson, Path(row.data(0, _PATH))).header
                row.setText(0, shown.title)
                row.setText(1, shown.idea)
                row.setToolTip(1, shown.idea)
                done, steps = len(self._done(lesson.id)), len(lesson.steps)
                whole += done >= steps
                said = self.tr("✓ done") if done >= steps else self.tr("{0} of {1} steps")
                row.setText(2, said.format(done, steps) if done else "")
            top.setText(2, self.tr("{0} of {1}").format(whole, len(rows)))

    def _on_item(self, item: QTreeWidgetItem) -> None:
        path = item.data(0, _PATH)
        if path:
            self.chosen.emit(path)
        else:
            item.setExpanded(not item.isExpanded())
