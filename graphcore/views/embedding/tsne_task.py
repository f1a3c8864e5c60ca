"""t-SNE of a layer's values in a process of its own: training goes on, and it can be ended."""

from __future__ import annotations

import contextlib
import io
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from graphcore.records.arrays import pack
from graphcore.session.session import Session
from graphcore.system import start
from graphcore.views.embedding import EmbeddingFrame, TsneFrame, TsneRequest
from graphcore.views.embedding import compute as embedding
from graphcore.views.embedding.tsne import LENGTH
from graphcore.views.view import view

ITERATIONS = 1000
PATIENCE = 0.02
"""Seconds that a look for news may wait while nothing trains."""
_ITERATION = re.compile(rb"Iteration (\d+)")

News = float | tuple[bytes, bytes]
"""How far it is, 0 to 1; or what it wrote in the end, and what it said last."""


def _lost(request: TsneRequest, problem: str) -> TsneFrame:
    return TsneFrame(node=request.node, problem=problem)


@view(TsneRequest, lost=_lost)
def tsne(session: Session, request: TsneRequest) -> Iterator[TsneFrame | None]:
    """Embed by t-SNE in a process of its own, and say how far it is."""
    if session.trainer is None:
        yield TsneFrame(problem="There is no net whose values could be shown.")
        return
    placed, values = embedding.measured(session.trainer, request.node, embedding.TSNE_SAMPLES)
    if values is None:
        yield TsneFrame(node=placed.node, problem=placed.problem)
        return
    child, news = begin(values.float().numpy())
    try:
        yield TsneFrame(node=placed.node, progress=0.0)
        while True:
            try:
                said = news.get(timeout=0.0 if session.running else PATIENCE)
            except queue.Empty:
                yield None
                continue
            if not isinstance(said, float):
                yield _finished(placed, *said)
                return
            yield TsneFrame(node=placed.node, progress=said)
    finally:
        if child.poll() is None:
            child.kill()


def begin(values: np.ndarray) -> tuple[subprocess.Popen[bytes], queue.SimpleQueue[News]]:
    """Start the process; return it, and where its news arrive."""
    command = start.command("graphcore.views.embedding.tsne")
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    news: queue.SimpleQueue[News] = queue.SimpleQueue()
    threading.Thread(target=_follow, args=(child, values, news), daemon=True).start()
    return child, news


def _finished(placed: EmbeddingFrame, written: bytes, said: bytes) -> TsneFrame:
    try:
        points = np.load(io.BytesIO(written), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        last = said.decode(errors="replace").strip().rpartition("\n")[2] or "it was ended"
        return TsneFrame(node=placed.node, problem=f"t-SNE found no embedding: {last}.")
    done = msgspec.structs.replace(placed, points=pack(points.astype(np.float32)))
    return TsneFrame(node=placed.node, progress=1.0, embedding=done)


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
