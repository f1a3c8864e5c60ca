"""A window of 1280 x 720 at 150 %: what is read there is neither cut off nor moved by chance."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

NONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def low(make_window):
    window = make_window()
    window.resize(853, 480)
    window.layouts.show("Train")
    return window


def turn(plot, modifiers=NONE):
    at = QPointF(plot.viewport().rect().center())
    event = QWheelEvent(
        at, plot.viewport().mapToGlobal(at), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        modifiers, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    plot.wheelEvent(event)
    return event.isAccepted()


def test_the_wheel_scrolls_a_panel_past_its_plots(low):
    panel = low.show_panel("training").fill()
    QApplication.processEvents()
    plot = panel.loss.plot
    seen = plot.viewRange()
    assert not turn(plot), "it goes on to what is scrolled"
    assert plot.viewRange() == seen
    turn(plot, CONTROL)
    assert plot.viewRange() != seen


def test_a_sentence_about_what_the_pointer_is_on_does_not_widen_the_window(low):
    low.status.show_hover("target: What the net should answer: class indices or numbers. " * 3)
    low.layouts.settle()
    QApplication.processEvents()
    assert low.width() == 853
    assert low.minimumSizeHint().width() <= 853


def test_errors_of_numbers_fit_a_low_panel(low):
    panel = low.show_panel("results").fill()
    panel.kinds.setCurrentWidget(panel.quantities)
    QApplication.processEvents()
    scroller = panel.parentWidget().parentWidget()
    assert scroller.verticalScrollBar().maximum() == 0


def test_what_a_window_slides_over_stands_beside_what_comes_out(low):
    panel = low.show_panel("window").fill()
    QApplication.processEvents()
    for view in (panel.inputs, panel.outputs):
        view.show()
    panel.layout().activate()
    assert panel.inputs.y() == panel.outputs.y()
    assert min(panel.inputs.height(), panel.inputs.width()) >= 130
    low.resize(853, 1000)
    QApplication.processEvents()
    assert panel.inputs.y() < panel.outputs.y()
