"""Chips stand over no title, no number and no other chip where there is room."""

from PySide6.QtCore import QRectF

from app.canvas.items.chip_places import places

CARD = QRectF(0, 0, 180, 120)


def stood(wanted, blocks, still=None):
    at = places(wanted, blocks, still or [False] * len(wanted))
    return [QRectF(r).translated(p - r.center()) for r, p in zip(wanted, at, strict=True)]


def test_chips_keep_off_titles_and_each_other():
    wanted = [QRectF(60, 110, 60, 19), QRectF(50, 112, 80, 19), QRectF(-30, 50, 90, 19)]
    found = stood(wanted, [(CARD, 6.0)])
    assert not any(r.intersects(CARD) for r in found)
    assert not any(a.intersects(b) for a in found for b in found if a is not b)


def test_a_chip_that_has_room_or_may_not_move_stays():
    alone, on_top = QRectF(60, 124, 60, 19), QRectF(0, 0, 20, 19)
    assert stood([alone, on_top], [(CARD, 6.0)], [False, True]) == [alone, on_top]


def test_without_room_a_chip_covers_what_matters_least():
    title, rest = QRectF(-500, -500, 1000, 500), QRectF(-500, 0, 1000, 500)
    (found,) = stood([QRectF(0, -10, 60, 19)], [(title, 6.0), (rest, 0.3)])
    assert found.top() >= 0
    assert places([], [], []) == []
