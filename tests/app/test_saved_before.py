"""Files of an earlier version still open: graph, run, checkpoint, settings, recent files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

import graphcore as gc
from app.settings import Settings
from graphcore.runs.checkpoint import read_checkpoint
from tests.app.driver import PATIENCE

SAVED = Path(__file__).resolve().parents[1] / "saved_0_1"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SAVED, tmp_path / "saved"))


@pytest.fixture
def settings(folder):
    """The settings of that version, whose recent file lies where it was copied to."""
    file = folder / "settings.ini"
    file.write_text(file.read_text().replace("FOLDER", str(folder)))
    return Settings(QSettings(str(file), QSettings.Format.IniFormat))


def test_graph_and_checkpoint_are_read(folder) -> None:
    assert len(gc.load(folder / "xor.graph.json")) > 3
    state, tensors = read_checkpoint(folder / "checkpoint")
    assert state.step == 6
    assert tensors


def test_settings_shortcuts_layout_and_recent_files_are_kept(make_window, folder) -> None:
    window = make_window("")
    assert window.settings.get("look/theme") == "light"
    assert window.settings.get("look/decimals") == 4
    assert window.files.recent == [str(folder / "xor.graph.json")]
    assert window.actions_table.actions["new"].shortcut().toString() == "Ctrl+Alt+N"
    assert window.layouts.current == "Train"
    assert window.layouts.docks["runs"].isVisible()


def test_a_recorded_run_goes_on(qtbot, live_window, folder) -> None:
    window = live_window
    window.start("circle")
    qtbot.waitUntil(lambda: window.engine.has_net, timeout=PATIENCE)
    window.files.open_run(str(folder / "xor.gradrun"))
    qtbot.waitUntil(lambda: window.engine.moment.newest == 6, timeout=PATIENCE)
    assert [run.name for run in window.engine.moment.runs] == ["Run 1"]
    QApplication.processEvents()
    assert "out" in {node.name for node in window.document.graph.nodes}
