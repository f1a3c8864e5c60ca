"""How sharply the loss bends along the run, beside what the learning rate bears."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=165,
    id="sharpness",
    title=str(QT_TRANSLATE_NOOP("Panels", "Sharpness")),
    icon="curves",
    widget="SharpnessPanel",
    area="bottom",
    layouts=("Train",),
    group="run",
    computed=True,
)
