"""The plane as a net of two inputs divides it."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=130,
    id="decision",
    title=str(QT_TRANSLATE_NOOP("Panels", "Decision map")),
    icon="eye",
    widget="DecisionPanel",
    area="bottom",
    layouts=("Train", "Present"),
    group="space",
    computed=True,
)
