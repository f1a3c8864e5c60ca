"""Nodes on the clipboard: plain JSON text, and the same under a type of our own."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QApplication

from graphcore import files
from graphcore.graph.graph import Graph

MIME = "application/x-gradscape-nodes"


def put(graph: Graph, names: Sequence[str], notes: Sequence[str] = ()) -> None:
    """Put nodes with the edges between them, and notes, on the clipboard."""
    if not names and not notes:
        return
    text = files.dumps_selection(graph, names, notes)
    data = QMimeData()
    data.setText(text)
    data.setData(MIME, text.encode())
    QApplication.clipboard().setMimeData(data)


def text() -> str:
    """What is on the clipboard as text, our own type first."""
    data = QApplication.clipboard().mimeData()
    if data is not None and data.hasFormat(MIME):
        return bytes(data.data(MIME).data()).decode()
    return QApplication.clipboard().text()
