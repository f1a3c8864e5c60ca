"""Small arrays become the right pixels."""

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from app.plots import tiles
from app.style import painting, palette
from app.widgets.numbers import format_number


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (-2.5, "−2.5"), (0.123456, "0.1235"),
        (1234567.0, "1.235e6"), (1.5e-7, "1.5e−7"), (float("nan"), "NaN"),
        (float("inf"), "∞"), (float("-inf"), "−∞"),
    ],
)  # fmt: skip
def test_numbers_are_short(x, text):
    assert format_number(x) == text


def test_maps_stand_in_rows_with_gaps_between():
    maps = np.arange(3 * 2 * 2, dtype=float).reshape(3, 2, 2)
    sheet = tiles.montage(maps, aspect=1.0)
    assert sheet.shape == (5, 5)
    assert np.array_equal(sheet[:2, :2], maps[0])
    assert np.array_equal(sheet[:2, 3:], maps[1])
    assert np.array_equal(sheet[3:, :2], maps[2])
    assert np.isnan(sheet[2]).all()
    assert np.isnan(sheet[3:, 3:]).all()


def test_pixels_take_the_colours_of_the_map(qapp):
    palette.apply(qapp, "dark")
    array = np.array([[-2.0, 0.0, 2.0], [np.nan, np.inf, -np.inf]])
    image = tiles.to_image(array, -2, 2, signed=True)
    table = palette.lut("diverging")
    first, last = (QColor(*table[i, :3].tolist()).name() for i in (0, 255))
    assert image.pixelColor(0, 0).name() == first
    assert image.pixelColor(2, 0).name() == last
    assert image.pixelColor(1, 0).name() in [QColor(*table[i, :3]).name() for i in (127, 128)]
    assert image.pixelColor(0, 1).alpha() == 0
    assert image.pixelColor(1, 1).name() == last
    assert image.pixelColor(2, 1).name() == first


def test_signed_images_are_symmetric_around_zero(qapp):
    image = tiles.to_image(np.array([[-1.0, 0.0, 4.0]]), -1, 4, signed=True)
    middle = palette.lut("diverging")[127:129, :3].astype(int)
    seen = image.pixelColor(1, 0)
    assert abs(middle - [seen.red(), seen.green(), seen.blue()]).max() <= 3


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.uint8])
def test_any_type_of_number_can_be_shown(qapp, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    image = tiles.to_image(array, 0, 5, signed=False)
    assert image.pixelColor(2, 1).name() == QColor(*palette.lut("sequential")[255, :3]).name()


def test_a_constant_array_is_no_division_by_zero(qapp):
    for value, signed in ((0.0, True), (7.0, False)):
        image = tiles.to_image(np.full((3, 3), value), value, value, signed=signed)
        colours = {image.pixelColor(x, y).name() for x in range(3) for y in range(3)}
        assert len(colours) == 1


def draw(paint):
    image = QImage(100, 40, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    paint(painter, QRectF(0, 0, 100, 40))
    painter.end()
    return image


def test_bars_stand_on_the_zero_line(qapp):
    image = draw(lambda p, r: tiles.paint_bars(p, r, np.array([1.0, -1.0, np.nan, 0.5])))
    assert image.pixelColor(10, 5).red() > image.pixelColor(10, 5).blue()  # up, orange
    assert image.pixelColor(35, 35).blue() > image.pixelColor(35, 35).red()  # down, blue
    assert image.pixelColor(60, 5).name() == "#000000"
    assert image.pixelColor(85, 5).name() == "#000000"  # half as tall


@pytest.mark.parametrize(
    ("values", "rows"), [([], 2), ([0.0, 0.0], 2), ([np.nan], 2), ([np.inf, 1.0], 40)]
)
def test_odd_values_do_no_harm(qapp, values, rows):
    """Where there is nothing to see, no more than a line at zero is drawn."""
    array = np.array(values)
    bars = draw(lambda p, r: tiles.paint_bars(p, r, array))
    drawn = {y for y in range(40) for x in range(100) if bars.pixel(x, y) & 0xFFFFFF}
    assert len(drawn) <= rows


def test_numbers_are_written_where_they_fit():
    sheet = np.array([[0.0, -0.125], [np.nan, 24.0]])
    found = tiles.written(sheet, 40, 40)
    assert found.texts == {(0, 0): "0", (0, 1): "−0.125", (1, 1): "24"}
    assert found.size * 0.6 * 6 <= 40
    assert tiles.written(sheet, 25, 25).texts[0, 1] == "−0.12"  # fewer digits before none
    small = tiles.written(np.array([[-0.125, 10.5]]), 17, 17)
    assert small.texts == {(0, 0): "−.12", (0, 1): "10"}
    assert tiles.written(sheet, 14, 14) is None
    assert tiles.written(sheet, 14, 14, scale=3.0) is not None  # on a closer look
    assert tiles.written(np.zeros((20, 20)), 40, 40) is None  # no wall of numbers


def test_numbers_are_seen_on_dark_and_on_light_cells(qapp):
    palette.apply(qapp, "dark")
    sheet = np.array([[0.0, 1.0]])
    cells = tiles.to_image(sheet, 0.0, 1.0, signed=False)
    image = QImage(80, 40, QImage.Format.Format_ARGB32_Premultiplied)
    with painting.on(image) as painter:
        area = tiles.paint_image(painter, QRectF(0, 0, 80, 40), cells)
        tiles.paint_numbers(painter, area, cells, sheet)
    for column in (0, 1):
        under = cells.pixelColor(column, 0).lightnessF()
        light = [image.pixelColor(40 * column + x, y).lightnessF()
                 for x in range(2, 38) for y in range(2, 38)]  # fmt: skip
        assert max(abs(value - under) for value in light) > 0.4
