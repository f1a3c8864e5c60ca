"""A window that is killed in the midst of work, and one that can keep nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.engine.checkpoints import checkpoint_folder, remove_left_checkpoints
from app.files import autosave
from app.shell.fault_dialog import report
from app.shell.fault_log import default_file
from graphcore import files
from graphcore.datasets import mnist

EDITING = """
import os, sys
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication
app = QApplication([])
from app.document.document import Document
from app.document.origin import Origin
from graphcore.exchange.report import ImportReport
from app.engine.engine import Engine
from app.shell import main_window
from app.shell.main_window import MainWindow
from app.settings import Settings
main_window.REMEMBER_MS = 100
home = Path(sys.argv[1])
settings = Settings(QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat))
document = Document()
silent = [sys.executable, "-S", "-E", "-c", "import sys; sys.stdin.buffer.read()"]
window = MainWindow(document, Engine(document, silent), settings, home / "rescue")
window.show()
window.start("mlp")
(home / "net.safetensors").write_bytes(b"")
document.origin = Origin(str(home / "net.safetensors"), ImportReport("own.py"))
window.layouts.show("Explain")
window.show_panel("results")
made = os.open(home / "made", os.O_CREAT | os.O_WRONLY)
def edit():
    os.write(made, (document.add_node("ReLU", (0.0, 0.0)) + "\\n").encode())
timer = QTimer(interval=50)
timer.timeout.connect(edit)
timer.start()
app.exec()
"""
PER_SECOND = 20


def kill_while_editing(home: Path, edits: int) -> list[str]:
    """Kill a window after at least so many edits; return the names of the nodes it added."""
    home.mkdir(exist_ok=True)
    window = subprocess.Popen(
        [sys.executable, "-c", EDITING, str(home)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    made = home / "made"
    while not made.exists() or made.read_text().count("\n") < edits:
        assert window.poll() is None
        time.sleep(0.01)
    window.send_signal(signal.SIGKILL)
    window.wait()
    return made.read_text().split()


def lost_edits(home: Path, edits: int) -> int:
    """How many edits are lost when the window is killed after at least so many."""
    names = kill_while_editing(home, edits)
    copies = list((home / "rescue").glob("[0-9]*.json"))
    assert copies, "there is no recovery copy"
    kept = files.load(copies[0])
    return sum(name not in kept for name in names)


@pytest.mark.parametrize("edits", [30, 47, 71])
def test_a_window_killed_in_steady_edits_loses_a_second_of_them_at_most(tmp_path, edits):
    assert lost_edits(tmp_path / "home", edits) <= PER_SECOND


def test_document_and_layout_come_back_after_a_kill(tmp_path, make_window, settings):
    names = kill_while_editing(tmp_path, 60)
    settings.store.sync()  # made before the other process wrote
    window = make_window("")
    assert window.layouts.current == "Explain"
    assert not window.layouts.docks["results"].isHidden()
    assert not window.layouts.docks["walk"].isHidden()
    restore = next(b for b in window.banner.buttons if b.text() == "Restore")
    restore.click()
    assert sum(name not in window.document.graph for name in names) <= PER_SECOND
    assert window.document.modified
    assert window.document.origin.weights == str(tmp_path / "net.safetensors")
    assert window.document.origin.report.source == "own.py"


SILENT = """
import sys
from graphcore.system import start
start.command = lambda *_: [sys.executable, "-S", "-E", "-c", "import sys; sys.stdin.buffer.read()"]
"""
"""Before a window that trains nothing: its engine need not import torch."""

STARTING = f"""{SILENT}
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import app.__main__ as entry
def look(tries=30):
    window = next(w for w in QApplication.topLevelWidgets() if hasattr(w, "canvas"))
    if tries and not window.banner.isVisible():
        return QTimer.singleShot(50, lambda: look(tries - 1))
    print("BANNER", window.banner.isVisible(), window.banner.text, flush=True)
    window.document.undo_stack.setClean()
    window.close()
real = QApplication.exec
def run():
    QTimer.singleShot(0, look)
    return real()
QApplication.exec = staticmethod(run)
sys.exit(entry.main(["mlp"]))
"""


def start(**given: str) -> str:
    """Return what the banner of a window says that opens with these of the user's folders."""
    free = {k: v for k, v in os.environ.items() if k != "HOME" and not k.startswith("XDG_")}
    done = subprocess.run(
        [sys.executable, "-c", STARTING], capture_output=True, text=True, check=False, timeout=120,
        env={**free, **given, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return next(line for line in done.stdout.splitlines() if line.startswith("BANNER"))


@pytest.mark.parametrize("home", ["/dev/null", "/proc", "file/below", "x" * 300])
def test_a_window_that_can_keep_nothing_says_so_and_names_the_folder(tmp_path, home):
    (tmp_path / "file").write_text("")
    place = home if home.startswith("/") else str(tmp_path / home)
    said = start(HOME=place)
    assert said.startswith("BANNER True")
    assert "cannot be kept" in said
    assert place[:80] in said
    assert len(said.removeprefix("BANNER True ")) <= 300


def test_a_window_whose_home_can_be_made_says_nothing(tmp_path):
    assert start(HOME=str(tmp_path / "good")).startswith("BANNER False")


def test_a_window_opens_without_a_home(tmp_path):
    """HOME is missing; what is kept goes where the system's own variables say."""
    kinds = ("CONFIG", "CACHE", "DATA", "STATE")
    folders = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in kinds}
    assert start(**folders).startswith("BANNER False")


def test_no_folder_of_the_users_depends_on_where_the_program_starts(monkeypatch):
    """As in a container, whose user may have neither HOME nor an entry among the users."""

    def nobody(_number):
        raise KeyError

    for name in [n for n in os.environ if n == "HOME" or n.startswith("XDG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    folders = (
        autosave.default_folder(), checkpoint_folder(), default_file(), mnist.cache_folder(),
    )  # fmt: skip
    assert all(folder.is_absolute() and "~" not in folder.parts for folder in folders)
    assert report(Path("/nowhere/log"))


def test_checkpoints_of_killed_windows_go_and_those_of_living_ones_stay(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (str(gone.pid), str(os.getpid()), "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.safetensors").write_bytes(b"x")
    remove_left_checkpoints(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {str(os.getpid()), "notes"}


ENDED = """
import os, signal, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import app.__main__ as entry
def edit():
    window = next(w for w in QApplication.topLevelWidgets() if hasattr(w, "canvas"))
    window.document.add_node("ReLU", (0.0, 0.0))
    window.layouts.show("Explain")
    os.kill(os.getpid(), int(sys.argv[1]))
real = QApplication.exec
def run():
    QTimer.singleShot(500, edit)
    return real()
QApplication.exec = staticmethod(run)
sys.exit(entry.main(["chain"]))
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_the_end_of_a_session_keeps_unsaved_work_and_is_no_crash(tmp_path, number):
    free = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    done = subprocess.run(
        [sys.executable, "-c", ENDED, str(int(getattr(signal, number)))],
        capture_output=True, text=True, check=False, timeout=60,
        env={**free, "HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    said = [s for s in done.stderr.splitlines() if not s.startswith("This plugin")]
    assert (done.returncode, said) == (0, [])
    (copy,) = tmp_path.rglob("autosave/[0-9]*.json")
    assert any(node.operator == "ReLU" for node in files.load(copy))
    assert not list(tmp_path.rglob("running-*.txt")), "the next start would speak of a crash"
