"""Several settings from the same start on the same data."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=210,
    id="race",
    title=str(QT_TRANSLATE_NOOP("Panels", "Race")),
    icon="epoch",
    widget="RacePanel",
    area="bottom",
    layouts=("Train",),
    group="space",
    computed=True,
)
