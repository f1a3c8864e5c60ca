"""A layer with its weights and the gradients of both."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=140,
    id="activations",
    title=str(QT_TRANSLATE_NOOP("Panels", "Activations")),
    icon="grid",
    widget="ActivationsPanel",
    area="bottom",
    layouts=("Train", "Present"),
    group="run",
    computed=True,
)
