"""How a net does on the test set."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=150,
    id="results",
    title=str(QT_TRANSLATE_NOOP("Panels", "Results")),
    icon="check",
    widget="ResultsPanel",
    area="bottom",
    layouts=("Train", "Present"),
    group="run",
    computed=True,
)
