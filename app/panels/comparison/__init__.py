"""Two runs on one playhead."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=190,
    id="compare",
    title=str(QT_TRANSLATE_NOOP("Panels", "Compare")),
    icon="compare",
    widget="ComparePanel",
    area="bottom",
    layouts=("Train",),
    group="run",
    computed=True,
)
