"""How long the canvas takes to paint: 1,000 nodes at several zooms, 10,000 all at once.

    QT_QPA_PLATFORM=offscreen python tests/bench/canvas.py

Times are the process's own, so that a busy machine does not matter.

Bars: 1,000 nodes <= 16 ms at any zoom, 10,000 nodes <= 33 ms with everything in view; a step of
panning or dragging at 1:1 <= 8 ms; one edit of 1,000 nodes <= 5 ms until every shape is known.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from calibration import shown
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication

from app.canvas import Canvas
from app.document.document import Document
from app.style import palette
from graphcore.graph.elements import Edge, Node
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.ops import get

ZOOMS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.51, 0.6, 0.7, 0.81, 0.91, 1.0, 2.0)


def grid(count: int) -> Graph:
    """Layers from left to right, nearly two edges a node."""
    rows = round(math.sqrt(count / 2))
    nodes, edges = [], []
    for i in range(count):
        column, row = divmod(i, rows)
        operator = "Input" if column == 0 else "Add" if i % 3 else "ReLU"
        attributes = {"shape": (8,)} if operator == "Input" else {}
        full = get(operator).complete(attributes)
        nodes.append(Node(f"n{i}", operator, full, position=(column * 240.0, row * 160.0)))
        if operator == "Add":
            below = (column - 1) * rows + (row + 1) % rows
            edges.append(Edge(f"n{i - rows}", "y", f"n{i}", "a"))
            edges.append(Edge(f"n{below}", "y", f"n{i}", "b"))
        elif operator == "ReLU":
            edges.append(Edge(f"n{i - rows}", "y", f"n{i}", "x"))
    return Graph.build(nodes, edges)


def milliseconds(action: Callable[[], object], times: int = 15) -> float:
    spans = []
    for _ in range(times):
        start = time.process_time()
        action()
        spans.append((time.process_time() - start) * 1000)
    return statistics.median(spans)


def main() -> int:
    app = QApplication([])
    palette.apply(app, "dark")
    measure_edit(1000)
    worst = {count: measure(app, count) for count in (1000, 10_000)}
    small, large = (shown(worst[count], processor=True) for count in (1000, 10_000))
    print(f"worst: {small} of 16 ms, {large} of 33 ms")
    return 0 if worst[1000] <= 16 and worst[10_000] <= 33 else 1


def measure(app: QApplication, count: int) -> float:
    """The longest of all repaints with so many nodes, in milliseconds."""
    document = Document()
    start = time.process_time()
    document.open_graph(grid(count))
    canvas = Canvas(document)
    canvas.resize(1600, 1000)
    canvas.show()
    app.processEvents()
    edges = len(document.graph.edges)
    print(f"{count} nodes, {edges} edges: open {time.process_time() - start:.2f} s")
    canvas.camera.fit_all()
    worst = milliseconds(canvas.viewport().repaint)
    print(f"  fit all (zoom {canvas.zoom:.3f}): {shown(worst, processor=True)}")
    for zoom in ZOOMS if count == 1000 else (0.05, 1.0):
        canvas.camera.set_zoom(zoom)
        canvas.centerOn(canvas.graph_scene.contents().center())
        app.processEvents()
        span = milliseconds(canvas.viewport().repaint)
        print(f"  zoom {zoom}: {shown(span, processor=True)}")
        worst = max(worst, span)
    measure_small_changes(app, canvas, count)
    canvas.hide()
    KEPT.append((document, canvas))
    return worst


def measure_small_changes(app: QApplication, canvas: Canvas, count: int) -> None:
    canvas.camera.set_zoom(1.0)
    canvas.centerOn(canvas.graph_scene.contents().center())
    app.processEvents()
    item = canvas.items_by_name[f"n{count // 2}"]

    def touch() -> None:
        item.update()
        app.processEvents()

    def drag() -> None:
        item.setPos(item.pos() + QPointF(2, 0))
        canvas.graph_scene.moved((item.node.name,))
        app.processEvents()

    def pan() -> None:
        bar = canvas.horizontalScrollBar()
        bar.setValue(bar.value() + 16)
        app.processEvents()

    print(f"  pan step at 1:1: {shown(milliseconds(pan), processor=True)}")
    print(f"  one node painted anew: {shown(milliseconds(touch), processor=True)}")
    print(f"  drag step of one node: {shown(milliseconds(drag), processor=True)}")


def measure_edit(count: int) -> None:
    """One attribute in the middle of a graph changes; how long until its shapes are known."""
    graph = grid(count)
    shapes = ShapeInference(graph)
    node = graph.node(f"n{count // 2}")

    def edit() -> None:
        graph.update(node.name, bypassed=not graph.node(node.name).bypassed)
        shapes.update()

    print(f"{count} nodes: an edit is inferred in {milliseconds(edit):.2f} ms")


KEPT: list[object] = []
"""Items go with the process, not one by one."""


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
