"""The distribution of a node's numbers over the run."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=170,
    id="histograms",
    title=str(QT_TRANSLATE_NOOP("Panels", "Histograms")),
    icon="chart",
    widget="HistogramsPanel",
    area="bottom",
    layouts=("Train",),
    group="run",
    computed=True,
)
