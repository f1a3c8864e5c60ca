"""A run on film: from the menu to the file, with the real engine and the real encoder."""

import sys

import pytest
from PIL import Image
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from app.files.film.dialog import FilmDialog
from app.files.film.filming import WHOLE
from app.widgets import file_dialogs
from tests.app.driver import PATIENCE


@pytest.fixture
def window(qtbot, live_window):
    live_window.start("circle")
    qtbot.waitUntil(lambda: live_window.engine.state in ("idle", "done"), timeout=PATIENCE)
    return live_window


@pytest.fixture
def film_at(tmp_path, monkeypatch):
    """Where the file dialog says the film goes."""

    def choose(name: str):
        monkeypatch.setattr(file_dialogs, "ask_film", lambda *_: str(tmp_path / name))
        return tmp_path / name

    return choose


def answer(qtbot, window, **fields) -> None:
    """Open the dialog by the menu's action, fill it in and accept it."""

    def fill() -> None:
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, FilmDialog):
            return
        timer.stop()
        dialog.view.setCurrentIndex(dialog.view.findData(fields.get("view", "canvas")))
        dialog.fps.setValue(fields.get("fps", 20))
        dialog.train.setChecked(fields.get("train", True))
        accept = dialog.findChild(QDialogButtonBox).buttons()
        button = next(b for b in accept if b is dialog.record)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    timer = QTimer(window, interval=10)
    timer.timeout.connect(fill)
    timer.start()
    window.actions_table.actions["record"].trigger()


def test_a_run_is_recorded_until_it_is_done(qtbot, window, film_at) -> None:
    path = film_at("run")
    recorder = window.filming.recorder
    window.engine.set_speed(100)
    assert window.filming.indicator.isHidden()
    with qtbot.waitSignal(recorder.written, timeout=PATIENCE) as written:
        answer(qtbot, window, view="training")
        assert recorder.state == "recording"
        assert window.filming.indicator.isVisible()
        assert window.actions_table.actions["record"].isChecked()
        qtbot.waitUntil(lambda: recorder.grabbed >= 8, timeout=PATIENCE)
        window.filming.indicator.refresh()
        assert f"{recorder.grabbed} pictures" in window.filming.indicator.text.text()
        window.engine.pause()
        qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
        grabbed = recorder.grabbed
        assert recorder.state == "recording", "what is made of the run's end is filmed too"
    assert recorder.grabbed > grabbed
    assert written.args[0] == f"{path}.gif"
    assert recorder.encoded == recorder.grabbed
    with Image.open(f"{path}.gif") as film:
        assert film.n_frames > 3
        panel = window.layouts.docks["training"].fill()
        assert abs(film.width / film.height - panel.width() / panel.height()) < 0.02
    assert window.filming.indicator.isHidden()
    assert not window.actions_table.actions["record"].isChecked()
    assert "run.gif" in window.status.currentMessage()
    assert "run.gif" in window.banner.text
    assert [button.text() for button in window.banner.buttons] == ["Open"]


def test_stopping_and_giving_up(qtbot, window, film_at) -> None:
    path = film_at("film.png")
    filming, recorder = window.filming, window.filming.recorder
    filming.record(WHOLE, str(path), fps=20, width=640, minutes=1)
    qtbot.waitUntil(lambda: recorder.grabbed >= 3, timeout=PATIENCE)
    assert not path.exists()
    with qtbot.waitSignal(recorder.written, timeout=PATIENCE):
        qtbot.mouseClick(filming.indicator.button, Qt.MouseButton.LeftButton)
    with Image.open(path) as film:
        assert film.width == 640
    before = path.read_bytes()
    filming.record(WHOLE, str(path), fps=20, width=640, minutes=1)
    qtbot.waitUntil(lambda: recorder.grabbed >= 2, timeout=PATIENCE)
    recorder.cancel()
    assert recorder.state == "idle"
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".film*"))


def test_refusals(qtbot, window, film_at) -> None:
    filming = window.filming
    filming.record("canvas", str(film_at("film.avi")), fps=5, width=0, minutes=1)
    assert filming.recorder.state == "idle"
    assert window.banner.text == "film.avi: a film ends in .gif, .png or .mp4."
    with qtbot.waitSignal(filming.recorder.failed, timeout=PATIENCE):
        filming.record("canvas", str(film_at("no/film.gif")), fps=5, width=0, minutes=1)
        filming.recorder.stop()
    assert "no such file or directory" in window.banner.text


def test_an_encoder_that_does_not_keep_up_costs_pictures_and_no_memory(
    qtbot, window, film_at, monkeypatch
) -> None:
    from app.files.film import recorder as module

    monkeypatch.setattr(module, "WAITING", 1 << 20)
    recorder = window.filming.recorder
    recorder.command = [sys.executable, "-c", "import time; time.sleep(60)"]
    window.filming.record(WHOLE, str(film_at("film.gif")), fps=30, width=0, minutes=1)
    qtbot.waitUntil(lambda: recorder.missed >= 3, timeout=PATIENCE)
    assert recorder.grabbed <= 3
    recorder.cancel()


def test_closing_the_window_keeps_the_film(qtbot, window, film_at) -> None:
    path = film_at("film.gif")
    window.filming.record("canvas", str(path), fps=20, width=320, minutes=1)
    qtbot.waitUntil(lambda: window.filming.recorder.grabbed >= 3, timeout=PATIENCE)
    window.document.undo_stack.setClean()
    window.close()
    with Image.open(path) as film:
        assert film.width == 320
