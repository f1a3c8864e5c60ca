"""A fault in any handler is logged and said once, and the window goes on."""

import os
import signal
import subprocess
import sys

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from app.document.commands import Reversible
from app.files.crash_mark import CrashMark
from app.plots.confusion import ConfusionMatrix
from app.shell import fault_log
from app.shell.fault_dialog import FaultDialog
from app.style import painting
from graphcore.views.race import RaceFrame

HERE = Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def fail(*_arguments):
    raise RuntimeError("planted")


@pytest.fixture
def faults(window, tmp_path):
    found = fault_log.FaultLog(tmp_path / "gradscape.log")
    window.log = found.file
    found.said = []
    found.caught.connect(window.show_fault)
    found.caught.connect(lambda sentence, stack: found.said.append((sentence, stack)))
    yield found
    found.close()


def in_slot(window, monkeypatch):
    window.document.message.connect(fail)
    window.document.message.emit("x")
    window.document.message.disconnect(fail)


def in_timer(window, monkeypatch):
    QTimer.singleShot(0, window, fail)


def in_mouse(window, monkeypatch):
    monkeypatch.setattr(type(window.canvas), "mousePressEvent", fail)
    at = QPointF(5, 5)
    press = QMouseEvent(QEvent.Type.MouseButtonPress, at, at, *HERE)
    QTimer.singleShot(0, window, lambda: QApplication.sendEvent(window.canvas.viewport(), press))


def in_drag(window, monkeypatch):
    monkeypatch.setattr(type(window.canvas), "mouseMoveEvent", fail)
    at = QPointF(9, 9)
    move = QMouseEvent(QEvent.Type.MouseMove, at, at, *HERE)
    QTimer.singleShot(0, window, lambda: QApplication.sendEvent(window.canvas.viewport(), move))


def in_paint(window, monkeypatch):
    monkeypatch.setattr(type(window.canvas.graph_scene.far), "_paint_marks", fail)
    window.canvas.minimap._drawn = None
    window.canvas.minimap.grab()


def in_redo(window, monkeypatch):
    shown = Reversible(lambda _g: None, lambda _g: None)
    window.document._push("x", [shown])
    window.document.undo_stack.undo()
    object.__setattr__(shown, "do", fail)
    window.actions_table.actions["redo"].trigger()


def in_reply(window, monkeypatch):
    panel = window.show_panel("race").fill()
    monkeypatch.setattr(type(panel), "_result", fail)
    window.engine.replies(RaceFrame).emit(object())


def in_action(window, monkeypatch):
    monkeypatch.setattr(type(window), "show_about", fail)
    window.actions_table.actions["about"].trigger()


def in_key(window, monkeypatch):
    monkeypatch.setattr(type(window.canvas), "keyPressEvent", fail)
    key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_F12, Qt.KeyboardModifier.NoModifier)
    QTimer.singleShot(0, window, lambda: QApplication.sendEvent(window.canvas, key))


def in_resize(window, monkeypatch):
    legend = window.show_panel("race").fill().plot.legend
    monkeypatch.setattr(type(legend), "_place", fail)
    other = QResizeEvent(legend.size(), legend.size())
    QTimer.singleShot(0, window, lambda: QApplication.sendEvent(legend, other))


PLACES = [
    in_slot, in_timer, in_mouse, in_drag, in_paint, in_redo, in_reply, in_action, in_key, in_resize,
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_fault_is_logged_and_said_once_and_the_window_goes_on(place, window, faults, qtbot):
    with pytest.MonkeyPatch.context() as patch:
        place(window, patch)
        QApplication.processEvents()
        place(window, patch)
        qtbot.waitUntil(lambda: bool(faults.said))
        QApplication.processEvents()
    assert len(faults.said) == 1
    assert faults.file.read_text().count("Traceback") == 1
    assert window.banner.buttons[0].text() == "Show details"
    before = len(window.document.graph)
    window.document.add_node("ReLU", (0.0, 0.0))
    window.document.undo_stack.undo()
    assert len(window.document.graph) == before
    window.grab()


def test_the_stack_and_a_report_can_be_copied(window, faults, qtbot):
    QTimer.singleShot(0, window, fail)
    qtbot.waitUntil(lambda: bool(faults.said))
    window.banner.buttons[0].click()
    stack = window.findChild(FaultDialog)
    assert "planted" in stack.findChild(QPlainTextEdit).toPlainText()
    stack.copy.click()
    assert QGuiApplication.clipboard().text().startswith("Traceback")
    stack.close()
    stack.setParent(None)
    fault_log.log("Traceback of the engine")
    window.actions_table.actions["report_problem"].trigger()
    said = window.findChild(FaultDialog).text.toPlainText()
    assert f"Log: {faults.file}" in said
    assert "Traceback of the engine" in said
    assert "Python 3" in said
    window.findChild(FaultDialog).close()


def test_a_widget_whose_painting_fails_is_left_empty_and_closed(qtbot, themed):
    heard = []
    former, sys.excepthook = sys.excepthook, lambda *fault: heard.append(fault)

    class Broken(QWidget):
        @painting.guarded
        def paintEvent(self, event):
            with painting.on(self) as painter:
                painter.fillRect(self.rect(), Qt.GlobalColor.red)
                with painting.saved(painter):
                    fail()

    try:
        broken, good = Broken(), ConfusionMatrix("t")
        for widget in (broken, good):
            qtbot.addWidget(widget)
            widget.resize(40, 40)
        picture = broken.grab().toImage()
        good.grab()
    finally:
        sys.excepthook = former
    assert heard
    assert picture.pixelColor(QPoint(20, 20)) == broken.palette().window().color()


def test_a_refusal_ends_when_the_graph_is_another(window):
    window.refuse("That did not work.")
    assert window.banner.isVisible()
    window.document.add_node("ReLU", (0.0, 0.0))
    assert not window.banner.isVisible()


CRASH = """
import os, sys, signal
from pathlib import Path
from app.files.crash_mark import CrashMark
mark = CrashMark(Path(sys.argv[1]))
if sys.argv[2] == "well":
    mark.close()
else:
    os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("end", "count", "said"),
    [("well", 0, ""), (signal.SIGSEGV, 1, "Segmentation fault"), (signal.SIGKILL, 1, "")],
)
def test_a_crash_leaves_a_mark_that_the_next_start_finds(tmp_path, end, count, said):
    how = end if isinstance(end, str) else str(int(end))
    subprocess.run([sys.executable, "-c", CRASH, str(tmp_path), how], check=False, timeout=60,
                   env=dict(os.environ))  # fmt: skip
    mark = CrashMark(tmp_path)
    mark.close()
    assert len(mark.left) == count
    assert said in "".join(mark.left)
    assert not list(tmp_path.iterdir())


def test_a_crash_is_said_and_logged_at_the_next_start(window, faults):
    from app.__main__ import tell_of_crash

    tell_of_crash(window, ["Fatal Python error: Segmentation fault"])
    assert "ended unexpectedly" in window.banner.text
    assert "Segmentation fault" in faults.file.read_text()
