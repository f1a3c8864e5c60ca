"""t-SNE of a layer's values in a process of its own: training goes on, and it can be ended."""

from __future__ import annotations

import contextlib
import io
import queue
import re
import subprocess
import threading
from typing import Any

import msgspec
import numpy as np

from graphcore.records.arrays import pack
from graphcore.session.session import Session
from graphcore.system import start
from graphcore.views.embedding import EmbeddingFrame, TsneFrame, TsneRequest
from graphcore.views.embedding import compute as embedding
from graphcore.views.embedding.tsne import LENGTH

ITERATIONS = 1000
PATIENCE = 0.02
"""Seconds that a look for news may wait while nothing trains."""
_ITERATION = re.compile(rb"Iteration (\d+)")

News = float | tuple[bytes, bytes]
"""How far it is, 0 to 1; or what it wrote in the end, and what it said last."""


class TsneTask:
    """One embedding at a time; another request ends the one before."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._of = EmbeddingFrame()

    @property
    def has_work(self) -> bool:
        """Whether an embedding is being made."""
        return self._child is not None

    def request(self, request: TsneRequest, session: Session) -> TsneFrame | None:
        """Begin, or end what was begun."""
        self.end()
        if not request.run:
            return None
        if session.trainer is None:
            return TsneFrame(problem="There is no net whose values could be shown.")
        self._of, values = embedding.measured(session.trainer, request.node, embedding.TSNE_SAMPLES)
        if values is None:
            return TsneFrame(node=self._of.node, problem=self._of.problem)
        self._begin(values.float().numpy())
        return TsneFrame(node=self._of.node, progress=0.0)

    def _begin(self, values: np.ndarray) -> None:
        command = start.command("graphcore.views.embedding.tsne")
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._child, self._news = child, queue.SimpleQueue()
        threading.Thread(target=_follow, args=(child, values, self._news), daemon=True).start()

    def work(self, session: Session) -> TsneFrame | None:
        """What became of it since the last look."""
        if self._child is None:
            return None
        try:
            news = self._news.get(timeout=0.0 if session.running else PATIENCE)
        except queue.Empty:
            return None
        if isinstance(news, float):
            return TsneFrame(node=self._of.node, progress=news)
        self.end()
        return self._finished(*news)

    def _finished(self, written: bytes, said: bytes) -> TsneFrame:
        try:
            points = np.load(io.BytesIO(written), allow_pickle=False)
        except (ValueError, EOFError, OSError):
            last = said.decode(errors="replace").strip().rpartition("\n")[2] or "it was ended"
            return TsneFrame(node=self._of.node, problem=f"t-SNE found no embedding: {last}.")
        done = msgspec.structs.replace(self._of, points=pack(points.astype(np.float32)))
        return TsneFrame(node=self._of.node, progress=1.0, embedding=done)

    def drop(self, problem: str) -> TsneFrame:
        """End the embedding because of a problem."""
        self.end()
        return TsneFrame(node=self._of.node, problem=problem)

    def end(self) -> None:
        """End the process, if there is one."""
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            child.kill()


def _follow(child: subprocess.Popen[bytes], values: np.ndarray, news: Any) -> None:
    """Hand the values over, read how far it is, and at last what it found."""
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    said, file = b"", io.BytesIO()
    np.save(file, values, allow_pickle=False)
    try:
        child.stdin.write(len(file.getvalue()).to_bytes(LENGTH) + file.getvalue())
        child.stdin.flush()
        for line in child.stderr:
            said = line if line.strip() else said
            if found := _ITERATION.search(line):
                news.put(min(1.0, int(found[1]) / ITERATIONS))
        written = child.stdout.read()
    except OSError:  # it has ended, or was ended
        written = b""
        child.kill()
    with contextlib.suppress(OSError):
        child.stdin.close()
    child.wait()
    child.stdout.close()
    child.stderr.close()
    news.put((written, said))
