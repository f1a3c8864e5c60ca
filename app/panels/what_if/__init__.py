"""Hold a neuron, a channel or an edge at another value."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=110,
    id="what_if",
    title=str(QT_TRANSLATE_NOOP("Panels", "What if")),
    icon="flask",
    widget="WhatIfPanel",
    area="right",
    layouts=("Explain",),
    group="node",
    computed=True,
)
