"""A real canvas on a real document, and a hand that moves the mouse over it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from app.canvas import Canvas
from app.canvas.items import geometry as geo
from app.document.document import Document
from graphcore import presets

NONE = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


class Hand:
    """Presses, moves and lets go, at points of the canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    def _send(self, kind, at, button, held, modifiers):
        view = self.canvas.viewport()
        point = QPointF(self.canvas.mapFromScene(at))
        event = QMouseEvent(kind, point, QPointF(view.mapToGlobal(point)), button, held, modifiers)
        QApplication.sendEvent(view, event)

    def press(self, at, modifiers=NONE, button=LEFT):
        self._send(QMouseEvent.Type.MouseButtonPress, at, button, button, modifiers)

    def move(self, at, modifiers=NONE, button=LEFT):
        self._send(QMouseEvent.Type.MouseMove, at, Qt.MouseButton.NoButton, button, modifiers)

    def release(self, at, modifiers=NONE, button=LEFT):
        none = Qt.MouseButton.NoButton
        self._send(QMouseEvent.Type.MouseButtonRelease, at, button, none, modifiers)

    def click(self, at, modifiers=NONE, button=LEFT):
        self.press(at, modifiers, button)
        self.release(at, modifiers, button)

    def double_click(self, at):
        self.click(at)
        self.second_click(at)

    def second_click(self, at):
        """The end of a double click; its first may have been on something else."""
        self._send(QMouseEvent.Type.MouseButtonDblClick, at, LEFT, LEFT, NONE)
        self.release(at)

    def hover(self, at):
        none = Qt.MouseButton.NoButton
        self._send(QMouseEvent.Type.MouseMove, at, none, none, NONE)

    def drag(self, start, end, modifiers=NONE, button=LEFT, let_go=True):
        self.press(start, modifiers, button)
        for share in (0.05, 0.3, 0.6, 0.9, 1.0):
            self.move(start + (end - start) * share, modifiers, button)
        if let_go:
            self.release(end, modifiers, button)

    def wheel(self, at, steps, modifiers=NONE):
        view = self.canvas.viewport()
        point = QPointF(self.canvas.mapFromScene(at))
        event = QWheelEvent(
            point, QPointF(view.mapToGlobal(point)), QPoint(), QPoint(0, 120 * steps),
            Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view, event)

    # -- places -------------------------------------------------------------------------------

    def body(self, name):
        return self.canvas.items_by_name[name].pos() + geo.BODY.center()

    def output(self, name, port="y"):
        return self.canvas.graph_scene.port_position(name, "output", port)

    def input(self, name, port="x"):
        return self.canvas.graph_scene.port_position(name, "input", port)

    def on_edge(self, edge, share=0.5):
        return self.canvas.graph_scene.edges[edge].path.pointAtPercent(share)


@pytest.fixture
def show(qtbot, themed):
    """Makes canvases that are shown, and hides them at the end."""
    made = []

    def make(preset="", graph=None, size=(1200, 800)):
        document = Document()
        if preset or graph is not None:
            document.open_graph(graph if graph is not None else presets.load(preset))
        canvas = Canvas(document)
        canvas.reduced_motion = True
        canvas.resize(*size)
        canvas.show()
        qtbot.waitExposed(canvas)
        QApplication.processEvents()
        made.append((canvas, document))
        return canvas

    yield make
    for canvas, _document in made:
        canvas.hide()
        canvas.minimap.hide()
        canvas.close()
        canvas.deleteLater()
    QApplication.sendPostedEvents(None, 52)  # deferred deletes, before their documents go


@pytest.fixture
def canvas(show):
    return show("lenet5")


@pytest.fixture
def hand(canvas):
    return Hand(canvas)


@pytest.fixture
def graph(canvas):
    return canvas.document.graph


@pytest.fixture
def steps(canvas):
    """Texts of the undo steps so far."""
    stack = canvas.document.undo_stack
    return lambda: [stack.text(i) for i in range(stack.count())]
