"""The graph as a tree."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=20,
    id="outline",
    title=str(QT_TRANSLATE_NOOP("Panels", "Outline")),
    icon="outline",
    widget="OutlinePanel",
    area="left",
    layouts=("Build",),
    group="model",
)
