"""A large file: one sees how far it is, may cancel, and loses nothing by it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QProgressBar, QProgressDialog, QPushButton

from app.files import waiting
from graphcore import files
from graphcore.graph.elements import Edge, Node
from graphcore.graph.graph import Graph
from graphcore.ops import get

NODES = 3000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A chain that is laid out anew, since no node has a place."""
    attributes = get("Input").complete({"shape": (8,)})
    nodes = [Node("n0", "Input", attributes)]
    nodes += [Node(f"n{i}", "ReLU", {}) for i in range(1, NODES)]
    edges = [Edge(f"n{i - 1}", "y", f"n{i}", "x") for i in range(1, NODES)]
    path = tmp_path_factory.mktemp("large") / "large.graph.json"
    files.save(Graph.build(nodes, edges), path)
    return path


@pytest.fixture
def at_once(monkeypatch):
    """The dialog does not wait until the work has taken a moment."""
    monkeypatch.setattr(waiting, "PATIENCE_MS", 0)


def dialogs():
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, QProgressDialog)]


def when_shown(act):
    """Do something as soon as the dialog is there; returns the shares that were seen."""
    seen = []

    def look():
        for dialog in dialogs():
            if dialog.isVisible():
                seen.append(dialog.value())
                act(dialog)
                return
        timer.start(0)

    timer = QTimer(singleShot=True)
    timer.timeout.connect(look)
    timer.start(0)
    return seen, timer


def test_cancel_leaves_everything_as_it_was(window, large, at_once):
    window.document.add_node("ReLU", (0.0, 0.0))
    window.document.undo_stack.setClean()
    before = files.dumps(window.document.root)
    steps = window.document.undo_stack.count()
    told = []
    window.document.message.connect(told.append)

    def press_cancel(dialog):
        button = dialog.findChild(QPushButton)
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    seen, _timer = when_shown(press_cancel)
    assert not window.files.open(str(large))
    assert seen
    assert files.dumps(window.document.root) == before
    assert window.document.undo_stack.count() == steps
    assert set(window.canvas.items_by_name) == {n.name for n in window.document.graph}
    assert "large.graph.json" in told[-1]
    assert str(large) not in window.files.recent
    window.document.undo_stack.undo()
    assert len(window.document.graph) + 1 == len(files.loads(before))


def test_the_share_grows_until_the_graph_is_there(window, large, at_once):
    shares = []

    def watch(dialog):
        dialog.findChild(QProgressBar).valueChanged.connect(shares.append)

    _seen, _timer = when_shown(watch)
    assert window.files.open(str(large))
    assert len(window.canvas.items_by_name) == NODES
    assert len(shares) >= 5
    assert shares == sorted(shares)
    assert not [d for d in dialogs() if d.isVisible()]


def test_a_small_file_shows_no_dialog(window, tmp_path, answers):
    answers["ask_save"] = str(tmp_path / "small.graph.json")
    assert window.files.save_as()
    seen, timer = when_shown(lambda dialog: None)
    assert window.files.open(str(tmp_path / "small.graph.json"))
    QApplication.processEvents()
    timer.stop()
    assert not seen
