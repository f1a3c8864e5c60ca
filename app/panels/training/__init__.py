"""Curves, figures, and what is trained on and how."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=70,
    id="training",
    title=str(QT_TRANSLATE_NOOP("Panels", "Training")),
    icon="training",
    widget="TrainingPanel",
    area="bottom",
    layouts=("Train", "Present"),
    group="run",
    collects=True,
)
