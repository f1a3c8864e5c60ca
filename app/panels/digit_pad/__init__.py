"""Draw a digit and see what the net makes of it."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.panels.row import Row

ROW = Row(
    order=220,
    id="digit_pad",
    title=str(QT_TRANSLATE_NOOP("Panels", "Digit pad")),
    icon="brush",
    widget="DigitPadPanel",
    area="bottom",
    layouts=("Train", "Present"),
    group="space",
    computed=True,
    words=("predict", "drawing", "picture"),
)
