"""Which part of the picture the answer rests on."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=100,
    id="saliency",
    title=str(QT_TRANSLATE_NOOP("Panels", "Saliency")),
    icon="eye",
    widget="SaliencyPanel",
    area="bottom",
    layouts=("Explain",),
    group="steps",
    computed=True,
)
