"""Everything about the selected nodes, or about the whole graph."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=40,
    id="inspector",
    title=str(QT_TRANSLATE_NOOP("Panels", "Inspector")),
    icon="inspector",
    widget="InspectorPanel",
    area="right",
    layouts=("Build", "Explain"),
    group="node",
)
