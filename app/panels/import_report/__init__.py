"""What became what in a net that was imported, and what it lacks to be trained."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=65,
    id="import_report",
    title=str(QT_TRANSLATE_NOOP("Panels", "Import Report")),
    icon="file",
    widget="ImportReportPanel",
    area="right",
    layouts=(),
    group="node",
)
