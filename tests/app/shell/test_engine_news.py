"""What the engine says reaches banner and status bar, with the real engine process."""

import os
import signal
import sys

import msgspec
import pytest
from PySide6.QtCore import Qt

from app.document.document import Document
from app.engine.engine import Engine
from app.shell.fault_dialog import FaultDialog
from app.shell.main_window import MainWindow
from graphcore.session.messages import Failure, Progress
from tests.app.driver import PATIENCE


@pytest.fixture
def window(qtbot, themed, settings, tmp_path, engine_command):
    settings.store.setValue("layouts/current", "Build")
    document = Document()
    window = MainWindow(document, Engine(document, engine_command), settings, tmp_path / "rescue")
    window.show()
    window.start("xor")
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    yield window
    window.document.undo_stack.setClean()
    window.close()


def test_device_and_data_set_are_named(window):
    assert "thread" in window.status.device.text()
    assert window.status.dataset.text().startswith("xor")


def test_play_trains_and_the_canvas_shows_it(window, qtbot):
    window.transport.play.click()
    qtbot.waitUntil(
        lambda: (f := window.engine.last_frame) is not None and f.step > 5, timeout=30_000
    )
    loss = window.canvas.items_by_name["loss"]
    qtbot.waitUntil(lambda: loss.value is not None, timeout=30_000)
    window.engine.pause()
    qtbot.waitUntil(lambda: window.engine.state != "running", timeout=30_000)


@pytest.mark.cold
@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_killed_engine_is_told_and_restarted(window, qtbot):
    nodes = len(window.document.graph)
    os.kill(window.engine.process_id, signal.SIGKILL)
    qtbot.waitUntil(lambda: window.engine.state == "dead", timeout=10_000)
    assert window.banner.isVisible()
    assert "stopped unexpectedly (ended by signal 9)" in window.banner.text
    assert len(window.document.graph) == nodes
    window.banner.buttons[0].click()
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    assert not window.banner.isVisible()


def test_a_refusal_is_taken_away_once_it_no_longer_holds(window):
    from graphcore.session import messages as m

    news = window.engine.failed
    news.emit(m.Failure("run", "loss became NaN at step 3.", "loss"))
    assert window.banner.text == "loss became NaN at step 3."
    window.banner.buttons[0].click()
    assert window.canvas.selected() == ["loss"]
    news.emit(m.Failure("run", "again.", "loss"))
    window.engine.state_changed.emit("running")
    assert not window.banner.isVisible()


DEATHS = {
    "its last words": ("sys.exit('Traceback\\n  File here\\nOSError: the disk ' + 'x' * 900)",
                       "OSError: the disk xxx"),
    "a crash": ("import faulthandler; faulthandler.enable(); faulthandler._sigsegv()",
                "Fatal Python error: Segmentation fault"),
    "silence": ("sys.exit(7)", "exit code 7"),
    "a damaged stream": ("sys.stdout.buffer.write(bytes([120, 8, 8, 8])); sys.stdout.flush();"
                         "time.sleep(60)", "claims to be of 2,013,792,264 bytes"),
    "a greeting": ("print('Welcome to the cluster!', flush=True); time.sleep(60)",
                   "the command wrote “Welcome to the cluster!” in place of"),
}  # fmt: skip


@pytest.mark.parametrize("death", DEATHS)
def test_why_the_engine_stopped_is_in_the_banner_and_in_the_log(
    death, make_window, qtbot, monkeypatch, caplog
):
    code, words = DEATHS[death]
    window = make_window()
    engine = window.engine
    engine.close()
    engine.command = [sys.executable, "-c", f"import sys, time; {code}"]
    with qtbot.waitSignal(engine.died, timeout=PATIENCE):
        engine.start()
    assert words in window.banner.text
    assert len(window.banner.text) <= 300
    assert "\n" not in window.banner.text
    (record,) = [r for r in caplog.records if r.name == "gradscape"]
    assert words in record.getMessage()


def test_the_stack_of_an_error_that_the_engine_survives_can_be_read(window, qtbot, caplog):
    window.engine._on_failure(Failure("request", "It failed.", details="in boom"))
    assert "in boom" in caplog.text
    assert window.banner.text == "It failed."
    (button,) = window.banner.buttons
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    (dialog,) = window.findChildren(FaultDialog)
    assert "in boom" in dialog.text.toPlainText()
    dialog.close()


def test_what_is_said_of_the_data_is_of_these_data(window, qtbot, tmp_path):
    """Behind data that are refused, and behind the next that are loaded."""
    window.show_panel("training")
    panel = window.layouts.docks["training"].fill()

    def choose(name: str, options: dict[str, str], wanted: str) -> None:
        settings = window.document.root.training
        settings = msgspec.structs.replace(settings, dataset=name, dataset_options=options)
        window.document.set_training(settings)
        qtbot.waitUntil(lambda: window.engine.state == wanted, timeout=PATIENCE)

    assert "to train" in panel.note.text()
    choose("csv", {"path": str(tmp_path / "none.csv")}, "refused")
    assert panel.note.text() == window.engine.problem
    assert window.status.dataset.text() == "csv"
    window.engine.progress.emit(Progress("pics", 0, 10))
    assert window.status.currentMessage() == "pics 0 %"
    choose("xor", {}, "idle")
    assert "to train" in panel.note.text()
    assert "pics" not in window.status.currentMessage()


def test_reading_a_table_can_be_cancelled(window, qtbot, tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("a,b,y\n" + "".join(f"{i},{i}.5,{i}.25\n" for i in range(400_000)))
    own = window.document.root.training
    options = {"path": str(path)}
    window.document.set_training(
        msgspec.structs.replace(own, dataset="csv", dataset_options=options)
    )
    reading = window.news.reading
    qtbot.waitUntil(reading.isVisible, timeout=30_000)
    assert reading.text.text().startswith("Reading long.csv")
    qtbot.mouseClick(reading.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.engine.state == "refused", timeout=30_000)
    assert "Reading long.csv was cancelled" in window.banner.text
    assert not reading.isVisible()
    window.document.undo_stack.undo()
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=30_000)
