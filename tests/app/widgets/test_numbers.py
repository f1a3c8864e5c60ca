"""Numbers that differ are written with as many digits as it takes to see it."""

import numpy as np

from app.widgets.numbers import format_number, told_apart
from app.widgets.quantity_table import QuantityTable


def test_numbers_that_differ_look_different():
    assert told_apart((1.5, 1.499), 3) == ["1.5", "1.499"]
    assert told_apart((1.5, 1.5), 3) == ["1.5", "1.5"]
    assert told_apart((0.25, 0.25000003), 3) == ["0.25", "0.25000003"]
    assert told_apart((2.0, 1.99996, 1.9), 3) == ["2", "1.99996", "1.9"]
    assert told_apart((float("nan"), 1.0), 3) == ["NaN", "1"]


def test_a_column_tells_its_numbers_apart(qtbot):
    table = QuantityTable(lambda numbers: told_apart(numbers, 3))
    qtbot.addWidget(table)
    table.show_rows(
        {"w": np.array([1.5, 2.0]), "g": np.array([0.01]), "w after": np.array([1.499, 2.0])}
    )
    texts = [[c and c.text() for c in (table.item(i, 0), table.item(i, 1))] for i in range(3)]
    assert texts == [["1.5", "2"], [format_number(0.01, 3), None], ["1.499", "2"]]
