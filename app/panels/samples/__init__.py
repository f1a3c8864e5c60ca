"""Choose the sample that is explained."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=30,
    id="samples",
    title=str(QT_TRANSLATE_NOOP("Panels", "Samples")),
    icon="grid",
    widget="SamplesPanel",
    area="left",
    layouts=("Explain",),
    group="model",
    words=("predict", "row of a table", "own numbers"),
)
