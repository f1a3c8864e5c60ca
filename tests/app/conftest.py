"""A real window on a real document, with settings and recovery copies in a temporary folder."""

from __future__ import annotations

import gc
import os
import sys

import pytest
import shiboken6
from PySide6.QtCore import QEvent, QProcess, QSettings
from PySide6.QtWidgets import QApplication

from app.document.document import Document
from app.engine.engine import Engine
from app.settings import Settings
from app.shell.main_window import MainWindow
from app.style import palette
from app.widgets import file_dialogs
from tests.app.driver import PATIENCE, open_graph


@pytest.fixture(scope="session", autouse=True)
def engines_are_ended():
    """End whatever engine a test has left."""
    yield
    for left in [o for o in gc.get_objects() if issubclass(type(o), QProcess)]:
        if shiboken6.isValid(left) and left.state() != QProcess.ProcessState.NotRunning:
            left.blockSignals(True)  # its end is nobody's business any more
            left.kill()
            left.waitForFinished(2000)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_collected():
    """Windows are made and deleted by the dozen here, as in no session of a user's.

    What is left of a deleted one must not be collected while Qt walks over all widgets: it is
    between two modules, when no window is up. Tests without windows collect as they go.
    """
    gc.disable()
    yield
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    gc.enable()


def delete(window):
    """Delete a closed window, before what it shows, and whatever its connections hold."""
    engine, document = window.engine, window.document
    shiboken6.delete(window)
    shiboken6.delete(engine)
    shiboken6.delete(document)


_ended: list[int] = []


def pytest_sessionfinish(exitstatus):
    _ended.append(int(exitstatus))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    """End here: with hundreds of deleted windows Qt may crash when Python takes itself apart.

    A process of pytest-xdist has said by now how its tests ended.
    """
    if _ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_ended[-1])


SILENT = [sys.executable, "-S", "-E", "-c", "import sys; sys.stdin.buffer.read()"]
"""An engine process that never answers: it costs nothing where nothing is trained."""


@pytest.fixture(scope="session")
def themed(qapp):
    palette.apply(qapp, "dark")
    return qapp


@pytest.fixture
def settings(tmp_path):
    return Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def document(themed):
    return Document()


@pytest.fixture
def make_window(qtbot, themed, settings, tmp_path):
    """Makes windows that are shown and started, and closes them without questions."""
    made = []

    def make(file="lenet5", document=None, before_start=None):
        document = document or Document()
        window = MainWindow(document, Engine(document, SILENT), settings, tmp_path / "rescue")
        made.append(window)
        window.show()
        if before_start:
            before_start(window)
        window.start(file)
        QApplication.processEvents()
        return window

    yield make
    for window in made:
        window.document.undo_stack.setClean()
        window.close()
        QApplication.processEvents()
        delete(window)


@pytest.fixture
def window(make_window):
    return make_window()


@pytest.fixture
def answers(monkeypatch):
    """What the dialogs answer; a dialog that was not expected fails the test."""
    known = {}

    def replace(name):
        def answer(*arguments):
            assert name in known, f"{name}{arguments[1:]} was asked and not expected"
            return known[name]

        monkeypatch.setattr(file_dialogs, name, answer)

    for name in ("ask_open", "ask_save", "ask_export", "ask_unsaved"):
        replace(name)
    return known


@pytest.fixture
def opened(qtbot, live_window):
    """Opens a graph in the Train layout with one of its panels in front, ready to train."""

    def open_panel(graph: str, panel: str):
        open_graph(qtbot, live_window, graph)
        live_window.show_panel(panel)
        QApplication.processEvents()
        return live_window.layouts.docks[panel].fill()

    return open_panel


@pytest.fixture
def live_window(qtbot, themed, settings, tmp_path, engine_command):
    """A window whose engine is a real process."""
    document = Document()
    window = MainWindow(document, Engine(document, engine_command), settings, tmp_path / "rescue")
    window.resize(1400, 900)
    window.show()
    yield window
    if "lessons" in window.__dict__:
        window.lessons.leave(with_runs=False)
    document.undo_stack.setClean()
    window.close()
    QApplication.processEvents()
    delete(window)


@pytest.fixture
def explain(qtbot, live_window):
    """Opens a graph in the Explain layout; gives back its panel, with both passes there."""

    def open_graph(name: str):
        live_window.start(name)
        live_window.layouts.show("Explain")
        QApplication.processEvents()
        panel = live_window.layouts.docks["walk"].fill()
        qtbot.waitUntil(lambda: bool(panel.walk.events), timeout=PATIENCE)
        return panel

    return open_graph


@pytest.fixture
def answers_nothing(monkeypatch):
    """Every dialog is cancelled, and unsaved work is given up."""
    for name in [name for name in vars(file_dialogs) if name.startswith("ask_")]:
        answer = "discard" if name == "ask_unsaved" else ""
        monkeypatch.setattr(file_dialogs, name, lambda *_, answer=answer: answer)
