"""Every node whose shapes do not fit or whose inputs are open."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=60,
    id="problems",
    title=str(QT_TRANSLATE_NOOP("Panels", "Problems")),
    icon="problems",
    widget="ProblemsPanel",
    area="bottom",
    layouts=(),
    group="checks",
)
