"""Random use of a whole window: a seed draws what is done, and what must hold is checked.

The real engine runs behind the window. After every action nothing may have been raised and the
engine must be alive. Every ``REST`` actions the monkey waits until nothing is under way; then the
buttons, the pictures, the strip and the engine must agree with the document.
"""

from __future__ import annotations

import random
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shiboken6
from PySide6.QtCore import QPoint, QSettings, Qt, QTimer
from PySide6.QtGui import QDrag, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels import LAYOUTS
from app.settings import Settings
from app.shell.main_window import MainWindow
from app.widgets import file_dialogs
from graphcore import compile, files, ops, presets
from graphcore.errors import GradscapeError
from graphcore.graph.runnable import runnable_part

REST = 40
CLOSE_MS = 150
PATIENCE_S = 60.0
SIZES = ((700, 480), (900, 600), (1280, 720), (1400, 900), (1900, 1000))
PRESETS = ("xor", "circle", "linear-regression", "mlp", "lenet5", "gan-2d", "vanishing")
"""Small nets mostly: a monkey is to press often, not to wait for a large net."""
LEAVES_THE_WINDOW = {"quit", "preferences", "shortcuts", "help", "about", "full_screen", "record"}
"""Actions that close the window or open a dialog, which a test of its own covers."""
KEYS = (
    Qt.Key.Key_F5, Qt.Key.Key_F6, Qt.Key.Key_F8, Qt.Key.Key_F10, Qt.Key.Key_Escape, Qt.Key.Key_Tab,
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Space, Qt.Key.Key_Return,
)  # fmt: skip
ASKS = [name for name in vars(file_dialogs) if name.startswith("ask_")]


class Fault(AssertionError):
    """What went wrong, with the seed and the last actions that led there."""


class Monkey:
    """Presses, drags and types in one window at random.

    Attributes:
        done: the last actions, in words.
        counts: how often each kind of action was taken.
    """

    def __init__(self, window: MainWindow, seed: int) -> None:
        self.window, self.seed = window, seed
        self.random = random.Random(seed)
        self.done: deque[str] = deque(maxlen=30)
        self.counts: dict[str, int] = {}
        self.faults: list[str] = []
        self.died: list[str] = []
        window.engine.died.connect(self.died.append)
        window.engine.failed.connect(self._failed)
        self.actions: list[tuple[int, Callable[[], str]]] = [
            (8, self.transport), (6, self.speed_or_rate), (5, self.scrub), (5, self.undo_or_redo),
            (4, self.menu), (4, self.add_node), (4, self.delete), (3, self.change_operator),
            (3, self.rename_or_move), (3, self.connect), (2, self.preset), (1, self.new),
            (6, self.panel), (3, self.layout), (2, self.resize), (12, self.press_in_panel),
            (5, self.drag_in_panel), (4, self.key), (3, self.canvas_click), (1, self.level),
        ]  # fmt: skip

    # -- running ------------------------------------------------------------------------------

    def play(self, actions: int) -> None:
        """Take so many actions, check after each, and rest at the end.

        Raises:
            Fault: something was raised, the engine died, or a view parts from the document.
        """
        former = sys.excepthook
        sys.excepthook = self._caught
        closer = QTimer(self.window, interval=CLOSE_MS)  # a menu waits in a loop of its own
        closer.timeout.connect(self._close_what_opened)
        closer.start()
        try:
            for number in range(1, actions + 1):
                self.act(number)
                if number % REST == 0:
                    self.rest()
            self.rest()
        finally:
            sys.excepthook = former
            closer.stop()

    def _caught(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        self.faults.append("".join(traceback.format_exception(kind, error, trace)))

    def _failed(self, failure: Any) -> None:
        if failure.details:  # an error of the engine that was not expected
            self.faults.append(f"{failure.message}\n{failure.details}")

    def act(self, number: int) -> None:
        weights = [weight for weight, _ in self.actions]
        action = self.random.choices([act for _, act in self.actions], weights)[0]
        self.done.append(f"{number} {action.__name__} …")
        try:
            what = action()
        except GradscapeError as refusal:
            what = f"refused: {refusal}"
        except Exception:
            self.faults.append(traceback.format_exc())
            what = "raised"
        self.done[-1] = f"{number} {action.__name__}: {what}"
        self.counts[action.__name__] = self.counts.get(action.__name__, 0) + 1
        self._let_go(self.random.choice((0.0, 0.0, 0.01, 0.05)))
        self._close_what_opened()
        self.check()

    def _let_go(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        QApplication.processEvents()
        while time.monotonic() < until:
            QApplication.processEvents()
            time.sleep(0.002)

    def _close_what_opened(self) -> None:
        """End drags, close menus, popups and dialogs: the next action is about the window."""
        if any(
            w.inherits("QShapedPixmapWindow") and w.isVisible()
            for w in QGuiApplication.topLevelWindows()
        ):  # the picture of what is dragged
            QDrag.cancel()  # under a real display a drag waits for the real mouse
        for _ in range(5):
            open_now = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if open_now is None:
                return
            open_now.close()
            QApplication.processEvents()

    # -- what must hold -----------------------------------------------------------------------

    def check(self) -> None:
        if self.faults:
            self.fail(self.faults[0])
        if self.died or self.window.engine.state == "dead":
            self.fail(f"the engine died: {self.died}")

    def fail(self, what: str) -> None:
        actions = "\n  ".join(self.done)
        raise Fault(f"{what}\nseed {self.seed}; the last actions:\n  {actions}")

    def rest(self) -> None:
        """Pause, wait until the engine has what the document says, and compare them."""
        for _ in range(2):  # an edit of a moment ago is loaded late, and the run goes on with it
            self.wait(self._rests, "the engine never rests")
            self._let_go(0.5)
        self.check()
        self.check_canvas()
        self.check_engine()
        self.check_undo()

    def _rests(self) -> bool:
        """Return whether nothing is under way; pause what trains."""
        engine = self.window.engine
        if engine.state == "running":
            engine.pause()
        return engine.state in ("idle", "done", "refused")

    def wait(self, holds: Callable[[], bool], otherwise: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > until:
                self.fail(f"{otherwise}: {self.window.engine.state}")
            self._let_go(0.02)
            self.check()

    def check_canvas(self) -> None:
        """The canvas shows the nodes and edges of the document's level, and no others."""
        graph, scene = self.window.document.graph, self.window.canvas.graph_scene
        shown = set(scene.nodes)
        if shown != {node.name for node in graph.nodes}:
            self.fail(f"the canvas shows {shown}, the document has {list(graph.nodes)}")

    def check_engine(self) -> None:
        """An engine that holds a net holds the document's, and the buttons work."""
        engine, transport = self.window.engine, self.window.transport
        if not engine.has_net:
            return
        if not (transport.play.isEnabled() and transport.step.isEnabled()):
            self.fail(f"the engine is {engine.state} and Train cannot be pressed")
        expected = len(_parameters(self.window.document.root))
        if engine.last_loaded is not None and engine.last_loaded.parameters != expected:
            held = engine.last_loaded.parameters
            self.fail(f"the engine has {held} parameters, the document {expected}")

    def check_undo(self) -> None:
        """Everything can be undone and made again, and the document is the same after it."""
        stack = self.window.document.undo_stack
        place, before = stack.index(), files.dumps(self.window.document.root)
        for target in (max(0, place - 5), place):
            stack.setIndex(target)
            QApplication.processEvents()
        if files.dumps(self.window.document.root) != before:
            self.fail("the document is another after undo and redo")

    # -- actions ------------------------------------------------------------------------------

    def transport(self) -> str:
        bar = self.window.transport
        name = self.random.choice(("play", "play", "step", "epoch", "reset"))
        QTest.mouseClick(getattr(bar, name), Qt.MouseButton.LeftButton)
        return name

    def speed_or_rate(self) -> str:
        bar = self.window.transport
        if self.random.random() < 0.5:
            bar.speed.setValue(self.random.randint(0, bar.speed.maximum()))
            return f"speed {bar.speed.value()}"
        bar.rate.setValue(self.random.choice((0.0, 1e-6, 0.01, 0.1, 1.0, 50.0, 1000.0)))
        return f"rate {bar.rate.value()}"

    def scrub(self) -> str:
        strip = self.window.time
        what = self.random.choice(("slider", "slider", "now", "branch"))
        if what == "slider":
            strip.slider.setValue(self.random.randint(0, max(0, strip.slider.maximum())))
            return f"to place {strip.slider.value()}"
        QTest.mouseClick(getattr(strip, what), Qt.MouseButton.LeftButton)
        return what

    def undo_or_redo(self) -> str:
        name = self.random.choice(("undo", "undo", "redo"))
        self.window.actions_table.actions[name].trigger()
        return name

    def menu(self) -> str:
        table = self.window.actions_table
        known = [
            i for i, a in table.actions.items() if a.isEnabled() and i not in LEAVES_THE_WINDOW
        ]
        name = self.random.choice(sorted(known))
        table.actions[name].trigger()
        return name

    def _names(self) -> list[str]:
        return [node.name for node in self.window.document.graph.nodes]

    def add_node(self) -> str:
        operator = self.random.choice(sorted(ops.names()))
        place = (self.random.uniform(-300, 1500), self.random.uniform(-300, 600))
        return self.window.document.add_node(operator, place)

    def delete(self) -> str:
        names = self._names()
        if len(names) < 3:
            return "too few nodes"
        chosen = self.random.sample(names, self.random.choice((1, 1, 1, 2)))
        self.window.canvas.select(chosen[0])
        self.window.document.remove(chosen, reconnect=self.random.random() < 0.7)
        return ", ".join(chosen)

    def change_operator(self) -> str:
        names = self._names()
        if not names:
            return "no node"
        name, operator = self.random.choice(names), self.random.choice(sorted(ops.names()))
        self.window.document.change_operator([name], operator)
        return f"{name} to {operator}"

    def rename_or_move(self) -> str:
        names = self._names()
        if not names:
            return "no node"
        name = self.random.choice(names)
        if self.random.random() < 0.5:
            self.window.document.rename(name, f"n{self.random.randint(0, 99)}")
        else:
            self.window.document.move({name: (self.random.uniform(0, 900), 200.0)})
        return name

    def connect(self) -> str:
        names = self._names()
        if len(names) < 2:
            return "too few nodes"
        source, target = self.random.sample(names, 2)
        self.window.document.connect_nodes(source, target)
        return f"{source} to {target}"

    def preset(self) -> str:
        every = presets.small() if self.random.random() < 0.3 else PRESETS
        name = self.random.choice([p for p in every if p in presets.small()])
        self.window.files.open_preset(name)
        return name

    def new(self) -> str:
        self.window.files.new()
        return "an empty graph"

    def panel(self) -> str:
        name = self.random.choice(sorted(self.window.layouts.docks))
        if self.random.random() < 0.3:
            self.window.layouts.docks[name].close()
            return f"close {name}"
        self.window.show_panel(name)
        return name

    def layout(self) -> str:
        name = self.random.choice(LAYOUTS)
        self.window.layouts.show(name)
        return name

    def resize(self) -> str:
        size = self.random.choice(SIZES)
        self.window.resize(*size)
        return f"{size}"

    def level(self) -> str:
        document = self.window.document
        if document.prefix and self.random.random() < 0.5:
            document.leave()
            return "out"
        inside = [n.name for n in document.graph.nodes if n.operator == "Composite"]
        if not inside:
            return "no composite"
        document.enter(self.random.choice(inside))
        return "in"

    def _panel_widgets(self) -> list[QWidget]:
        """Enabled widgets of the visible panels that a hand could reach."""
        docks = [d for d in self.window.layouts.docks.values() if d.isVisible()]
        wanted = (QAbstractButton, QComboBox, QAbstractSpinBox, QAbstractSlider, QAbstractItemView)
        return [
            widget
            for dock in docks
            for widget in dock.findChildren(QWidget)
            if isinstance(widget, wanted) and widget.isVisible() and widget.isEnabled()
            and not widget.visibleRegion().isEmpty()
        ]  # fmt: skip

    def press_in_panel(self) -> str:
        widgets = self._panel_widgets()
        if not widgets:
            return "nothing to press"
        widget = self.random.choice(widgets)
        said = f"{type(widget).__name__} {widget.accessibleName() or widget.objectName()}"
        if isinstance(widget, QComboBox):
            if widget.count():
                place = self.random.randrange(widget.count())
                widget.setCurrentIndex(place)
                widget.activated.emit(place)
        elif isinstance(widget, QAbstractSpinBox):
            widget.stepBy(self.random.choice((-3, -1, 1, 5)))
        elif isinstance(widget, QAbstractSlider):
            widget.setValue(self.random.randint(widget.minimum(), widget.maximum()))
        else:
            inside = widget.viewport() if isinstance(widget, QAbstractItemView) else widget
            QTest.mouseClick(inside, Qt.MouseButton.LeftButton, pos=self._point(inside))
        return said

    def _point(self, widget: QWidget) -> QPoint:
        return QPoint(
            self.random.randrange(max(1, widget.width())),
            self.random.randrange(max(1, widget.height())),
        )

    def drag_in_panel(self) -> str:
        """Press, move and release somewhere on a panel: dots, maps, sliders, the digit pad."""
        docks = [d for d in self.window.layouts.docks.values() if d.isVisible()]
        if not docks:
            return "no panel"
        dock = self.random.choice(docks)
        children = [w for w in dock.findChildren(QWidget) if w.isVisible() and w.width() > 40]
        if not children:
            return "an empty panel"
        widget = self.random.choice(children)
        QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=self._point(widget))
        for _ in range(self.random.randint(1, 4)):
            QTest.mouseMove(widget, self._point(widget))
            QApplication.processEvents()
        QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=self._point(widget))
        return f"{dock.objectName()} {type(widget).__name__}"

    def key(self) -> str:
        key = self.random.choice(KEYS)
        target = QApplication.focusWidget() or self.window.canvas
        QTest.keyClick(target, key)
        return key.name

    def canvas_click(self) -> str:
        view = self.window.canvas.viewport()
        double = self.random.random() < 0.2
        press = QTest.mouseDClick if double else QTest.mouseClick
        button = self.random.choice(
            (Qt.MouseButton.LeftButton,) * 3 + (Qt.MouseButton.RightButton,)
        )
        press(view, button, pos=self._point(view))
        return "double click" if double else button.name


def _parameters(graph: Any) -> list[str]:
    """Names of the parameters that a plan has of this graph, or of what of it can be run."""
    try:
        return list(compile(graph, mode="train").parameters)
    except GradscapeError:
        return list(compile(runnable_part(graph), mode="train").parameters)


def make_window(folder: Path, command: list[str] | None = None) -> MainWindow:
    """Return a shown window with a real engine; its settings and copies lie in ``folder``."""
    for name in ASKS:
        answer = "discard" if name == "ask_unsaved" else ""
        setattr(file_dialogs, name, lambda *_, answer=answer: answer)
    settings = Settings(QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat))
    document = Document()
    window = MainWindow(document, Engine(document, command), settings, folder / "rescue")
    window.resize(1400, 900)
    window.show()
    return window


def close_window(window: MainWindow) -> None:
    """Close a window without a question, and delete it."""
    window.document.undo_stack.setClean()
    window.close()
    QApplication.processEvents()
    shiboken6.delete(window)
