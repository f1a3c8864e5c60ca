"""An engine behind a command: reached by SSH, over a slow line, and one whose line is lost."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.engine import place as places
from app.engine.checkpoints import Checkpoints
from app.engine.place import Place
from app.shell.engine.dialog import COMMAND, HERE, EngineDialog
from graphcore.views.timeline import RunsSaved, SaveRuns
from tests.app.driver import PATIENCE, open_graph, rest, train, wait

ROOT = Path(__file__).resolve().parents[3]
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
needs_sshd = pytest.mark.skipif(
    SSHD is None or shutil.which("ssh") is None, reason="openssh-server is not installed"
)
SLOW = [sys.executable, str(Path(__file__).with_name("slow_line.py"))]


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Lets every engine that a command starts find nothing of the window's files."""
    monkeypatch.setattr(Checkpoints, "mark", lambda self: str(tmp_path / "on no other machine"))
    return f"env -u GRADSCAPE_DATA XDG_CACHE_HOME={tmp_path / 'theirs'}"


@pytest.fixture(scope="module")
def ssh(tmp_path_factory):
    """The command that leads to this machine through a server of its own."""
    folder = tmp_path_factory.mktemp("ssh")
    for key in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(command, check=True)
    shutil.copy(folder / "user.pub", folder / "authorized_keys")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "conf").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nPidFile none\n"
        "PasswordAuthentication no\nPermitRootLogin yes\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    log = folder / "log"
    server = subprocess.Popen([str(SSHD), "-D", "-f", str(folder / "conf"), "-E", str(log)])
    options = ("StrictHostKeyChecking=no", f"UserKnownHostsFile={folder}/known", "BatchMode=yes",
               "LogLevel=ERROR")  # fmt: skip
    line = f"ssh -i {folder}/user -p {port} {' '.join(f'-o {o}' for o in options)}"
    until = time.monotonic() + 10
    while subprocess.run([*line.split(), "127.0.0.1", "true"], check=False).returncode:
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)
    yield f"{line} {getpass.getuser()}@127.0.0.1"
    server.terminate()
    server.wait()


def choose(window, qtbot, command: str, threads: int = 1) -> None:
    """Choose a command in the dialog that a click on the device opens."""
    qtbot.mouseClick(window.status.device, Qt.MouseButton.LeftButton)
    (dialog,) = [d for d in window.findChildren(EngineDialog) if d.isVisible()]
    dialog.where.setCurrentIndex(COMMAND if command else HERE)
    if command:
        dialog.command.setText(command)
    dialog.threads.setValue(threads)
    qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    assert not dialog.problem.text()
    assert not dialog.isVisible()


def there(window, qtbot, command: str) -> None:
    wait(qtbot, lambda: window.engine.about is not None and window.engine.place.command == command)
    wait(qtbot, lambda: window.engine.state in ("idle", "done"))


@needs_sshd
def test_a_run_goes_on_by_ssh_and_a_lost_line_costs_nothing(qtbot, live_window, elsewhere, ssh):
    window, engine = live_window, live_window.engine
    command = (
        f"{ssh} {elsewhere} PYTHONPATH={ROOT} OMP_NUM_THREADS=1 {sys.executable} -m app worker"
    )
    open_graph(qtbot, window, "circle")
    train(qtbot, window, 20)
    choose(window, qtbot, command)
    there(window, qtbot, command)
    wait(qtbot, lambda: engine.step == 20)
    assert engine.about.far
    assert len(engine.moment.runs) == 1  # the recorded run came along
    train(qtbot, window, 15)
    wait(qtbot, lambda: " ms · " in window.status.device.text())
    assert window.status.device.text().startswith(socket.gethostname())
    engine.set_speed(100.0)  # the run is not over before its engine is killed
    engine.run(None)
    wait(qtbot, lambda: engine.step > 60)
    with qtbot.waitSignal(engine.died, timeout=PATIENCE):
        os.kill(engine.process_id, signal.SIGKILL)
    assert "Restart goes on from step" in window.banner.text
    reached, place, steps = engine.step, engine.place, []
    engine.frame.connect(lambda frame: steps.append(frame.step))
    button = next(b for b in window.banner.buttons if b.text() == "Restart")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    wait(qtbot, lambda: bool(steps) and engine.state == "idle")
    assert min(steps) >= reached  # the engine that was left kept its last step
    assert engine.place == place
    train(qtbot, window, 5)


def test_what_is_missing_there_is_sent_once_and_files_come_back(
    qtbot, live_window, elsewhere, warm_engine, tmp_path
):
    window, engine, document = live_window, live_window.engine, live_window.document
    table = tmp_path / "points.csv"
    rows = [f"{x / 7},{y / 5},{(x * y) % 3 - 1}.5" for x in range(12) for y in range(12)]
    table.write_text("\n".join(["a,b,height", *rows]))
    command = f"{elsewhere} {' '.join(warm_engine.command)}"
    open_graph(qtbot, window, "circle")
    document.set_training(
        msgspec.structs.replace(
            document.root.training, dataset="csv", dataset_options={"path": str(table)}
        )
    )
    wait(qtbot, lambda: engine.last_loaded is not None and engine.last_loaded.dataset == "csv")
    choose(window, qtbot, command)
    there(window, qtbot, command)
    assert engine.last_loaded.dataset == "csv"
    (brought,) = (tmp_path / "theirs").rglob("points.csv")
    arrived = brought.stat().st_ino, brought.stat().st_mtime_ns
    train(qtbot, window, 5)
    saved = tmp_path / "mine.runs"
    with qtbot.waitSignal(engine.replies(RunsSaved), timeout=PATIENCE) as told:
        engine.ask(SaveRuns(str(saved)))
    assert told.args[0].path == str(saved)
    assert saved.stat().st_size > 1000
    steps = []
    engine.frame.connect(lambda frame: steps.append(frame.step))
    choose(window, qtbot, "")
    there(window, qtbot, "")
    assert engine.line is None
    choose(window, qtbot, command)  # at once: the runs may still be on their way
    there(window, qtbot, command)
    wait(qtbot, lambda: steps[-1:] == [5])
    assert list((tmp_path / "theirs").rglob("points.csv")) == [brought]
    assert (brought.stat().st_ino, brought.stat().st_mtime_ns) == arrived


def test_mnist_goes_where_it_is_missing(
    qtbot, live_window, elsewhere, warm_engine, tmp_path, monkeypatch
):
    window, engine = live_window, live_window.engine
    folder = tmp_path / "here" / "mnist"
    folder.mkdir(parents=True)
    for split, count in (("train", 64), ("t10k", 32)):
        images, labels = np.zeros((count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8) % 10
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">i4").tobytes()
            (folder / f"{split}-{kind}-ubyte").write_bytes(head + values.tobytes())
    monkeypatch.setenv("GRADSCAPE_DATA", str(folder.parent))
    open_graph(qtbot, window, "mlp")
    command = f"{elsewhere} {' '.join(warm_engine.command)}"
    choose(window, qtbot, command)
    there(window, qtbot, command)
    assert engine.last_loaded.train_samples == 64
    assert len(list((tmp_path / "theirs").rglob("*-ubyte"))) == 4


def test_over_a_slow_line_frames_are_thinned_and_pause_does_not_wait(
    qtbot, live_window, elsewhere, warm_engine
):
    """Everything that can be seen is looked at, over a line of 100 ms and 2 MB/s."""
    window, engine = live_window, live_window.engine
    command = " ".join(["env", *SLOW, "0.05", "2e6", *elsewhere.split(), *warm_engine.command])
    open_graph(qtbot, window, "mlp")
    frames = []
    choose(window, qtbot, command)
    there(window, qtbot, command)
    engine.frame.connect(lambda frame: frames.append(time.monotonic()))
    engine.run(None)
    wait(qtbot, lambda: len(frames) > 20)
    qtbot.wait(1500)
    begun, seen = frames[0], len(frames)
    assert 2 < seen / (frames[-1] - begun) < 30
    assert engine.line.latency_ms >= 100
    asked, step = time.monotonic(), engine.step
    engine.pause()
    rest(qtbot, window)
    assert time.monotonic() - asked < 1.5
    assert engine.step >= step


def test_a_pause_does_not_wait_behind_a_file_that_is_sent_over_a_slow_line(
    qtbot, live_window, elsewhere, warm_engine, tmp_path
):
    """A table of 4 MB takes two seconds over a line of 100 ms and 2 MB/s."""
    window, engine, document = live_window, live_window.engine, live_window.document
    table = tmp_path / "points.csv"
    rows = [f"{x / 997:.15f},{y / 31:.15f},{(x * y) % 3 - 1}.5" for x in range(2500)
            for y in range(40)]  # fmt: skip
    table.write_text("\n".join(["a,b,height", *rows]))
    command = " ".join(["env", *SLOW, "0.05", "2e6", *elsewhere.split(), *warm_engine.command])
    open_graph(qtbot, window, "circle")
    choose(window, qtbot, command)
    there(window, qtbot, command)
    arrived, states = [], []
    engine.progress.connect(lambda p: arrived.append(p.done / p.total))
    engine.frame.connect(lambda frame: states.append(frame.state))
    engine.set_speed(30.0)  # the run is not over before the file has come
    engine.run(None)
    wait(qtbot, lambda: states[-1:] == ["running"])
    document.set_training(
        msgspec.structs.replace(
            document.root.training, dataset="csv", dataset_options={"path": str(table)}
        )
    )
    wait(qtbot, lambda: bool(arrived))  # the file is on its way, and the net of before trains
    assert states[-1] == "running"
    begun = time.monotonic()
    engine.pause()
    wait(qtbot, lambda: states[-1] == "idle")
    assert time.monotonic() - begun < 1.0
    assert arrived[-1] < 0.9
    wait(qtbot, lambda: engine.last_loaded.dataset == "csv")
    assert arrived[-1] == 1
    wait(qtbot, lambda: engine.state == "idle")


def test_a_command_that_cannot_be_used_is_told_and_another_place_offered(qtbot, live_window):
    window = live_window
    open_graph(qtbot, window, "circle")
    train(qtbot, window, 7)
    for command, words in (("no-such-command worker", "could not be started"),
                           ("echo hello", "in place of an engine's messages")):  # fmt: skip
        choose(window, qtbot, command)
        wait(qtbot, lambda words=words: words in window.banner.text)
        assert [b.text() for b in window.banner.buttons] == ["Restart", "Choose another place…"]
    assert window.status.device.text() == "no engine"
    steps = []
    window.engine.frame.connect(lambda frame: steps.append(frame.step))
    choose(window, qtbot, "")
    wait(qtbot, lambda: bool(steps) and steps[-1] == 7)  # the runs have waited for a place


def test_a_precision_is_used_and_said_and_one_that_is_not_there_is_refused(qtbot, live_window):
    window, engine = live_window, live_window.engine
    open_graph(qtbot, window, "circle")
    train(qtbot, window, 3)
    said = []
    engine.failed.connect(lambda failure: said.append(failure.message))
    for precision in ("bfloat16", "tf32"):
        qtbot.mouseClick(window.status.device, Qt.MouseButton.LeftButton)
        (dialog,) = [d for d in window.findChildren(EngineDialog) if d.isVisible()]
        dialog.precision.setCurrentIndex(dialog.precision.findData(precision))
        about = engine.about
        qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
        wait(qtbot, lambda about=about: engine.about not in (None, about))
        assert places.remembered(window.settings.store).precision == precision
        expected = "bfloat16" if precision == "bfloat16" else "float32"
        wait(qtbot, lambda expected=expected: window.status.device.text().endswith(expected))
        wait(qtbot, lambda: engine.state == "idle" and engine.step == 3)
    assert "TF32 is a precision of NVIDIA GPUs" in said[0]
    assert said[0] in window.banner.text


def test_where_the_landscape_is_computed_is_chosen_beside_the_threads(live_window, qtbot):
    window = live_window
    open_graph(qtbot, window, "circle")
    there(window, qtbot, "")
    assert not window.engine.about.helper
    window.show_engine()
    dialog = window.findChild(EngineDialog)
    assert "lowest priority" in dialog.helper.itemText(1)
    dialog.helper.setCurrentIndex(1)
    dialog.use.click()
    wait(qtbot, lambda: window.engine.about is not None and window.engine.about.helper)
    assert window.status.device.text().endswith("helper process")
    assert places.remembered(window.settings.store).helper == "always"


def test_device_threads_and_helper_are_remembered_for_each_machine(settings):
    store = settings.store
    far, near = (
        Place("ssh host gradscape worker", "cuda:1", 8, "auto", "tf32"),
        Place("", "cpu", 3, "always"),
    )
    places.remember(store, near)
    places.remember(store, far)
    assert places.remembered(store) == far
    assert places.remembered(store, "") == near
    assert places.used(store) == [far.command]
