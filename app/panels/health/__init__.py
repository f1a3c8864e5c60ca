"""What is wrong with a net that does not learn, and what usually helps."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=160,
    id="health",
    title=str(QT_TRANSLATE_NOOP("Panels", "Health")),
    icon="pulse",
    widget="HealthPanel",
    area="bottom",
    layouts=("Train", "Present"),
    group="run",
    computed=True,
)
