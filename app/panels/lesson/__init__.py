"""The lesson: texts with live numbers, predictions that are locked, tasks that are checked."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=240,
    id="lesson",
    title=str(QT_TRANSLATE_NOOP("Panels", "Lesson")),
    icon="guide",
    widget="LessonPanel",
    area="right",
    layouts=(),
    group="lesson",
)
