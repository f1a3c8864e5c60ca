"""Feature maps and confusion matrix: pointing at cells, by mouse and by keyboard."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from app.plots.confusion import ConfusionMatrix
from app.plots.tile_view import TileView
from app.style import palette


def shown(qtbot, widget, width=300, height=200):
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    return widget


@pytest.fixture
def tiles(qtbot):
    made = shown(qtbot, TileView("weights", empty="No weights."))
    made.set_maps(np.array([[[1.0, -2.0, 3.0], [4.0, 5.0, float("nan")]]]))
    return made


def test_the_pointer_reads_a_cell(tiles, qtbot):
    qtbot.mouseMove(tiles, tiles.cell_rect((0, 1)).center().toPoint())
    tiles.mark(tiles.cell_at(tiles.cell_rect((0, 1)).center()))
    assert tiles.marked == (0, 1)
    assert tiles.readout.text() == "map 0, row 0, column 1: −2"
    assert tiles.accessibleDescription() == "map 0, row 0, column 1: −2"
    assert tiles.cell_at(QPointF(299, 199)) is None


def test_arrows_walk_and_enter_chooses(tiles, qtbot):
    tiles.setFocus()
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up):
        qtbot.keyClick(tiles, key)
    assert tiles.marked == (0, 1)  # the first key marks the first cell, the rim holds
    with qtbot.waitSignal(tiles.cell_chosen) as chosen:
        qtbot.keyClick(tiles, Qt.Key.Key_Return)
    assert chosen.args == [0, 1]


def test_a_marked_cell_shows_its_new_value(tiles):
    tiles.mark((1, 2))
    assert tiles.readout.text().endswith("NaN")
    tiles.set_maps(np.full((1, 2, 3), 7.0))
    assert tiles.readout.text().endswith("7")
    tiles.set_maps(np.ones((1, 1, 1)))
    assert tiles.marked is None


def test_maps_have_three_axes(tiles):
    with pytest.raises(ValueError, match=r"3 axes \(C, H, W\); the array has shape \(3,\)"):
        tiles.set_maps(np.ones(3))
    assert tiles.map_shape() == (2, 3)


@pytest.mark.parametrize(
    "maps", [np.zeros((1, 3, 3)), np.full((1, 2, 2), np.nan), np.ones((1, 1, 500))]
)
def test_odd_arrays_are_drawn(tiles, qapp, maps):
    tiles.set_maps(maps)
    drawn = tiles.grab().toImage()
    tiles.clear()
    assert tiles.grab().toImage() != drawn


def test_colours_follow_the_theme(tiles, qapp):
    seen = []
    for theme in ("dark", "light"):
        palette.apply(qapp, theme)
        at = tiles.cell_rect((0, 1)).topLeft().toPoint()
        seen.append(tiles.grab().toImage().pixelColor(at.x() + 4, at.y() + 4).name())
    palette.apply(qapp, "dark")
    assert seen[0] != seen[1]


def test_a_pixel_of_the_montage_is_a_value_of_a_map(qtbot):
    view = shown(qtbot, TileView("maps"), 200, 200)
    maps = np.arange(5 * 3 * 4, dtype=float).reshape(5, 3, 4)
    view.set_maps(maps)
    rows, columns = view.grid_size()
    found = {view.place_of((r, c)) for r in range(rows) for c in range(columns)} - {None}
    assert found == set(np.ndindex(5, 3, 4))
    view.mark((0, 5))
    assert view.readout.text() == "map 1, row 0, column 0: 12"
    view.mark((0, 4))  # a gap
    assert view.marked is None


def test_arrows_step_over_the_gaps(qtbot):
    view = shown(qtbot, TileView("maps"), 200, 100)
    view.set_maps(np.zeros((2, 2, 2)))
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.place_of(view.marked) == (1, 0, 0)
    for _ in range(9):
        qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.place_of(view.marked) == (1, 0, 1)


def test_a_click_on_the_matrix_names_both_classes(qtbot):
    matrix = shown(qtbot, ConfusionMatrix(), 300, 300)
    counts = np.diag([90, 80, 70]) + 1
    matrix.set_counts(counts, ("cat", "dog", "owl"))
    with qtbot.waitSignal(matrix.cell_clicked) as clicked:
        place = matrix.cell_rect((2, 1)).center().toPoint()
        qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=place)
    assert clicked.args == [2, 1]
    matrix.mark((2, 1))
    assert matrix.readout.text() == "owl predicted as dog: 1\n1.4% of all owl"


def test_a_matrix_is_square(qtbot):
    matrix = shown(qtbot, ConfusionMatrix())
    with pytest.raises(ValueError, match=r"square; the array has shape \(2, 3\)"):
        matrix.set_counts(np.zeros((2, 3)))
    matrix.set_counts(np.zeros((2, 2), int))  # a class without samples
    matrix.grab()
