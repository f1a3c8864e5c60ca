"""Numbers are taken as people write them; what is none changes nothing."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolTip

from app.widgets.number_field import NumberField, WholeField, parse_number


def typed(qtbot, field, text):
    qtbot.addWidget(field)
    field.setKeyboardTracking(False)
    field.show()
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    return field.value()


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("3E-4", 3e-4), ("1.2e-04", 1.2e-4), ("0,05", 0.05), (".5", 0.5),
     ("1e9", 7.0), ("nan", 7.0), ("1e-", 7.0), ("abc", 7.0), ("1,2,3", 7.0),
     ("1,000", 7.0), ("0,050", 0.05), ("", 7.0)],
)  # fmt: skip
def test_a_rate_is_the_one_that_was_typed_or_that_of_before(qtbot, text, value):
    field = NumberField()
    field.setRange(0.0, 1000.0)
    field.setValue(7.0)
    assert typed(qtbot, field, text) == value
    assert parse_number(field.text()) == value, "it is shown again as it is"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e3", 1000), ("60 000", 60_000), ("12,000", 12_000), ("64", 64), ("6.5", 7)],
)
def test_a_count_is_the_one_that_was_typed_or_that_of_before(qtbot, text, value):
    field = WholeField()
    field.setRange(1, 100_000)
    field.setValue(7)
    assert typed(qtbot, field, text) == value


@pytest.mark.parametrize("value", [1e-10, 0.03, 1.2e-4, 12.5, 0.001, 1 / 3])
def test_a_number_is_shown_short_and_whole(qtbot, value):
    field = NumberField()
    qtbot.addWidget(field)
    field.setValue(value)
    assert parse_number(field.text()) == pytest.approx(value, rel=1e-9)
    assert len(field.text()) <= 14


def test_a_number_out_of_range_is_refused_with_the_range(qtbot):
    field = NumberField()
    field.setRange(0.0, 1000.0)
    typed(qtbot, field, "1e9")
    assert QToolTip.text() == "1e9 is refused: a number from 0 to 1000"
    typed(qtbot, field, "0.01")
    assert "0.01" not in QToolTip.text()
