"""All runs of the session side by side."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=180,
    id="runs",
    title=str(QT_TRANSLATE_NOOP("Panels", "Runs")),
    icon="history",
    widget="RunsPanel",
    area="bottom",
    layouts=("Train", "Present"),
    group="run",
)
