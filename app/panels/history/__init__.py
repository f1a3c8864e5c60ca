"""Every undo step by name."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=50,
    id="history",
    title=str(QT_TRANSLATE_NOOP("Panels", "History")),
    icon="history",
    widget="HistoryPanel",
    area="right",
    layouts=("Build",),
    group="node",
)
