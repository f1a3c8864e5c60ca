"""A landscape's dot: one of it, where the weights are, or under the pointer that holds it."""

import numpy as np
import pytest

from app.plots.landscape_view import LandscapeView

AXIS = np.linspace(-1, 1, 11)
BOWL = AXIS[None] ** 2 + AXIS[:, None] ** 2


@pytest.fixture
def view(qtbot):
    made = LandscapeView()
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.show()
    show(made, 0.0, 0.0)
    return made


def show(view, a: float, b: float) -> None:
    """What a frame of the engine does."""
    view.set_surface(AXIS, AXIS, BOWL)
    view.set_path(np.array([[-0.5, -0.5], [a, b]]))
    view.set_current(a, b)
    view.redraw()


def dot(view) -> tuple[float, float]:
    return view.contour.dot.pos().x(), view.contour.dot.pos().y()


def test_a_surface_that_arrives_while_the_dot_is_held_does_not_take_it_away(view):
    path = view.contour._path.getData()[0].tolist()
    view.contour.dot.setPos(0.5, 0.25)
    show(view, 0.1, 0.1)
    assert dot(view) == (0.5, 0.25)
    assert view.contour._path.getData()[0].tolist() == path
    view.contour.dot.setPos(0.6, 0.25)
    view.set_log(False)
    assert dot(view) == (0.6, 0.25)
    view.contour.dot.sigPositionChangeFinished.emit(view.contour.dot)
    assert dot(view) == (0.6, 0.25)
    show(view, 0.2, 0.2)
    assert dot(view) == (0.2, 0.2)


def test_the_dot_looks_alike_whether_the_pointer_is_over_it_or_not(view):
    item = view.contour.dot
    colors = set()
    for over in (True, False):
        item.setMouseHover(over)
        colors.add((item.currentBrush.color().name(), item.currentPen.color().name()))
    assert len(colors) == 1
