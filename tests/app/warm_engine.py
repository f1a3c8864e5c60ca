"""An engine that is already warm: one process imports torch once and forks a child per window.

Run with a folder as its argument, this file is that process: it listens at ``socket`` there. Run
with the path of that socket, it is what a window starts in place of the engine: it hands over its
standard input, output and error, and ends as the forked engine ends. A fork is safe only before
torch has started a thread, so the parent computes nothing and checks before each fork that it has
one thread.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
POLL_S = 0.02
READY_S = 120.0


class WarmEngine:
    """The process that forks, and the command that a window starts."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "socket"
        # numpy's BLAS starts its threads when it is imported
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(HERE), str(folder)], env=environment
        )
        self.command = [sys.executable, "-S", "-E", str(HERE), str(self._socket)]

    def wait(self) -> None:
        """Return once windows can be served."""
        until = time.monotonic() + READY_S
        while True:
            assert self._process.poll() is None, "the warm engine has ended"
            if self._socket.exists():
                return
            assert time.monotonic() < until, "the warm engine does not listen"
            time.sleep(POLL_S)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


def _hand_over(path: str) -> int:
    """Give the streams of this process to a forked engine; return its exit status."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        body = json.dumps({"environment": dict(os.environ), "folder": os.getcwd()}).encode()
        socket.send_fds(line, [len(body).to_bytes(4, "big")], [0, 1, 2])
        line.sendall(body)
        for stream in (0, 1):
            os.close(stream)
        status = line.recv(1)
    return status[0] if status else 1


def _receive(line: socket.socket) -> tuple[dict, list[int]]:
    """Return what a window's stand-in hands over."""
    size, streams, _, _ = socket.recv_fds(line, 4, 3)
    body = b""
    while len(body) < int.from_bytes(size, "big"):
        body += line.recv(1 << 16)
    return json.loads(body), streams


def _fork(line: socket.socket, others: list[socket.socket]) -> int:
    """Serve one window in a child; return the child's process number."""
    told, streams = _receive(line)
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"{threads} threads: a child could wait for one that it does not have"
    child = os.fork()
    if child:
        for stream in streams:
            os.close(stream)
        return child
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for other in (line, *others):
            other.close()
        for wanted, stream in enumerate(streams):
            os.dup2(stream, wanted)
            os.close(stream)
        os.environ.clear()
        os.environ.update(told["environment"])
        os.chdir(told["folder"])
        from graphcore.worker.serve import serve

        status = serve()
    except SystemExit as leave:
        status = leave.code if isinstance(leave.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _reap(children: dict[socket.socket, int]) -> None:
    """Report children that ended; end those whose window is gone."""
    for line, child in list(children.items()):
        ended, status = os.waitpid(child, os.WNOHANG)
        gone = not ended and bool(select.select([line], [], [], 0)[0]) and not line.recv(1)
        if gone:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        elif ended:
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):
                line.sendall(bytes([code if code >= 0 else 128 - code]))
        if gone or ended:
            line.close()
            del children[line]


def _warm_up() -> None:
    """Import what every engine needs, and read the data set that most of them load."""
    import gc

    import torch  # noqa: F401

    import graphcore.worker.serve  # noqa: F401
    from graphcore import datasets
    from graphcore.worker import background
    from tests import mnist_once

    mnist_once.keep()
    if datasets.find_mnist() is not None:
        datasets.load("mnist")
    background.processors = lambda: background.FEW  # a helper would have to import torch first
    gc.freeze()


def _listen(folder: str) -> None:
    """Fork an engine for every window that asks, until this process is terminated."""
    _warm_up()
    children: dict[socket.socket, int] = {}

    def end(*_: object) -> None:
        for child in children.values():
            os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(folder) / "starting"))
        listener.listen()
        (Path(folder) / "starting").rename(Path(folder) / "socket")
        parent = os.getppid()
        while os.getppid() == parent:
            if select.select([listener], [], [], POLL_S)[0]:
                line, _ = listener.accept()
                children[line] = _fork(line, [listener, *children])
            _reap(children)
    end()


if __name__ == "__main__":
    (given,) = sys.argv[1:]
    if os.path.isdir(given):
        _listen(given)
    else:
        sys.exit(_hand_over(given))
