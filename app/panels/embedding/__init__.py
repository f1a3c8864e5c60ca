"""The test samples as points."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=200,
    id="embedding",
    title=str(QT_TRANSLATE_NOOP("Panels", "Embedding")),
    icon="grid",
    widget="EmbeddingPanel",
    area="bottom",
    layouts=("Train",),
    group="space",
    computed=True,
)
