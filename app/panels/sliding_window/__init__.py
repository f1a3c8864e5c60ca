"""What an output pixel of a convolution or pooling is made of."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=120,
    id="window",
    title=str(QT_TRANSLATE_NOOP("Panels", "Window")),
    icon="grid",
    widget="WindowPanel",
    area="right",
    layouts=("Explain",),
    group="node",
    computed=True,
)
