"""Chips stand over no title, no number and no other chip where there is room."""

from PySide6.QtCore import QPointF, QRectF

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


def test_a_chip_of_a_wire_stands_along_it_off_the_chips_of_a_node():
    """Its middle is among what is told below another node: further along there is room."""
    of_node = [QRectF(0, 124 + 22 * i, 160, 19) for i in range(3)]
    middle = QRectF(60, 148, 100, 19)
    along = [middle.center() + QPointF(x, 0) for x in (-90, 90, -260, 260)]
    at = places([middle, *of_node], [(CARD, 0.3)], [False] * 4, [along, (), (), ()])
    wire = QRectF(middle).translated(at[0] - middle.center())
    assert not any(wire.adjusted(-8, -8, 8, 8).intersects(r) for r in of_node)
    assert abs(at[0].y() - middle.center().y()) <= 11, "on its own wire"
    assert [QRectF(r).translated(p - r.center()) for r, p in zip(of_node, at[1:], strict=True)] == (
        of_node
    ), "what belongs to the node comes first"
