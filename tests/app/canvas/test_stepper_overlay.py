"""Chips of the stepper can be read where the whole graph is small, and stay on their wires."""

from PySide6.QtCore import QPointF

from app.canvas.items.stepper_overlay import MOST, Chip, WalkOverlay, size_at


def height(chip: Chip, zoom: float) -> float:
    overlay = WalkOverlay()
    overlay.set_chips([chip], size=size_at(zoom))
    return overlay.boundingRect().height() - 4


def test_chips_of_nodes_grow_as_the_canvas_shrinks(qapp):
    of_node = Chip("∂J/∂a = 3", QPointF(), "warning")
    whole = height(of_node, 1.0)
    assert height(of_node, 1.25) == whole
    assert height(of_node, 0.7) == whole * 1.4
    assert height(of_node, 0.3) == whole * MOST


def test_between_two_nodes_there_is_room_for_no_larger_chip(qapp):
    of_wire = Chip("3 × 1 = 3", QPointF(), "accent", along=(QPointF(9, 0),))
    assert height(of_wire, 0.6) == height(of_wire, 1.0)
