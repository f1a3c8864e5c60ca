"""Nothing that is written anywhere in the window is of the document before."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDockWidget,
    QGraphicsSimpleTextItem,
    QGraphicsTextItem,
    QGraphicsView,
    QLabel,
    QLineEdit,
    QMainWindow,
    QWidget,
)

from graphcore import files, presets
from graphcore.views.timeline import EditRun
from tests.app.driver import PATIENCE

MARK = "zebra"
STEPS = 613


def hidden(widget: QWidget) -> bool:
    """Whether a widget is put away by its panel, not only behind another tab."""
    at: QWidget | None = widget
    while at is not None and not isinstance(at, QDockWidget | QMainWindow):
        if at.isHidden() and not isinstance(at.parent(), QDockWidget):
            return True
        at = at.parentWidget()
    return False


def in_model(view: QAbstractItemView) -> Iterator[str]:
    model = view.model()
    if model is None:
        return
    root = QModelIndex()
    for row in range(model.rowCount(root)):
        for column in range(view.model().columnCount(root) if hasattr(view, "columnAt") else 1):
            yield str(model.index(row, column, root).data() or "")
        yield str(model.headerData(row, Qt.Orientation.Vertical) or "")


def in_plot(view: QGraphicsView) -> Iterator[str]:
    for item in view.scene().items() if view.scene() is not None else ():
        if not item.isVisible():
            continue
        if isinstance(item, QGraphicsTextItem):
            yield item.toPlainText()
        elif isinstance(item, QGraphicsSimpleTextItem):
            yield item.text()
        elif hasattr(item, "node"):
            yield item.node.name


def written(window) -> Iterator[tuple[str, str]]:
    """Where something is written, and what."""
    yield "title", window.windowTitle()
    yield "status", window.status.currentMessage()
    for widget in window.findChildren(QWidget):
        if hidden(widget):
            continue
        dock = widget
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parentWidget()
        where = f"{dock.objectName() if dock else ''} {type(widget).__name__}"
        for text in texts(widget):
            yield where, text


def texts(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, QLabel | QAbstractButton | QLineEdit):
        yield widget.text()
    elif isinstance(widget, QComboBox):
        yield from (widget.itemText(i) for i in range(widget.count()))
    elif isinstance(widget, QAbstractItemView):
        yield from in_model(widget)
    elif isinstance(widget, QGraphicsView):
        yield from in_plot(widget)
    yield from (str(entry) for entry in getattr(widget, "entries", ()))


def left_over(window) -> list[tuple[str, str]]:
    of_before = re.compile(rf"{MARK}|\b{STEPS}\b")
    return [(where, text) for where, text in written(window) if of_before.search(text)]


def marked(name: str, path) -> str:
    """A preset's file whose nodes and frames all bear a name that no other graph has."""
    graph = presets.load(name)
    graph.frames.clear()
    for node in list(graph.nodes):
        graph.rename(node.name, f"{MARK}_{node.name}")
    files.save(graph, path)
    return str(path)


@pytest.fixture
def full(qtbot, live_window, tmp_path):
    """A window in which every panel shows something of a net that was trained."""
    window = live_window
    window.start(marked("mlp", tmp_path / f"{MARK}.graph.json"))
    window.layouts.show("Train")
    engine = window.engine
    qtbot.waitUntil(lambda: engine.state == "idle", timeout=PATIENCE)
    for dock in window.layouts.docks.values():
        dock.show()
        dock.fill()
        QApplication.processEvents()
    engine.run(STEPS)
    qtbot.waitUntil(lambda: engine.step == STEPS and engine.state == "idle", timeout=PATIENCE)
    qtbot.waitUntil(lambda: engine.moment.run > 0, timeout=PATIENCE)
    engine.ask(EditRun(engine.moment.run, f"{MARK} run"))
    hidden_layer = next(n.name for n in window.document.root if n.operator == "Linear")
    for name in window.layouts.docks:
        window.show_panel(name)
        QApplication.processEvents()
    window.canvas.select([hidden_layer])
    race = window.show_panel("race").fill()
    race.steps.setValue(10)
    race.start.click()
    qtbot.waitUntil(lambda: "is first" in race.said.text(), timeout=PATIENCE)
    window.banner.show_message(f"{MARK} cannot be.", "error")
    engine.reset()
    qtbot.waitUntil(lambda: len(engine.moment.runs) == 2, timeout=PATIENCE)
    for name in ("walk", "results", "embedding", "histograms", "activations", "compare", "health"):
        if name in window.layouts.docks:
            window.show_panel(name)
            qtbot.wait(150)
    window.show_panel("runs")
    qtbot.waitUntil(lambda: any(MARK in t for _, t in written(window)), timeout=PATIENCE)
    window.document.undo_stack.setClean()
    return window


@pytest.mark.parametrize("then", ["circle", "new"])
def test_nothing_of_the_document_before_is_written_anywhere(qtbot, full, then) -> None:
    window, engine = full, full.engine
    if then == "new":
        window.files.new()
    else:
        window.files.open_preset(then)
    qtbot.waitUntil(lambda: engine.state in ("idle", "refused"), timeout=PATIENCE)
    qtbot.wait(300)  # what is on its way arrives
    for name in window.layouts.docks:
        window.show_panel(name)
        QApplication.processEvents()
    assert not left_over(window)
