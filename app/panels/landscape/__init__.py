"""The loss landscape around the weights."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=80,
    id="landscape",
    title=str(QT_TRANSLATE_NOOP("Panels", "Loss landscape")),
    icon="landscape",
    widget="LandscapePanel",
    area="bottom",
    layouts=("Train", "Present"),
    group="space",
    computed=True,
)
