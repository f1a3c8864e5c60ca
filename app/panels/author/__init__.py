"""The lesson editor: a lesson's text, blocks to put in, and the task that was recorded."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=250,
    id="author",
    title=str(QT_TRANSLATE_NOOP("Panels", "Lesson Editor")),
    icon="guide",
    widget="AuthorPanel",
    area="left",
    layouts=(),
    group="author",
)
