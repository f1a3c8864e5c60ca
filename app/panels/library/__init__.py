"""Every operator by category, and the graphs that ship."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=10,
    id="library",
    title=str(QT_TRANSLATE_NOOP("Panels", "Library")),
    icon="library",
    widget="LibraryPanel",
    area="left",
    layouts=("Build",),
    group="model",
)
