"""The picture that most excites a unit, found by gradient ascent."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=105,
    id="maximisation",
    title=str(QT_TRANSLATE_NOOP("Panels", "Maximisation")),
    icon="eye",
    widget="MaximisationPanel",
    area="bottom",
    layouts=("Explain",),
    group="steps",
    computed=True,
)
