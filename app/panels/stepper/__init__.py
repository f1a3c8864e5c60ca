"""Step by step through both passes of one sample."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=90,
    id="walk",
    title=str(QT_TRANSLATE_NOOP("Panels", "Step by step")),
    icon="step_op",
    widget="WalkPanel",
    area="bottom",
    layouts=("Explain",),
    group="steps",
    computed=True,
)
