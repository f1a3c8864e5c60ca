"""Names from files are shown as they are written: never as markup, which would open files."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QMessageBox,
    QProgressDialog,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from app.panels import LAYOUTS
from app.plots.area import PlotArea
from app.widgets.rich_label import RichLabel
from graphcore import files, presets

NODE = {"name": "x", "operator": "Input", "attributes": {"shape": [2]}}
LINEAR = {"name": "a", "operator": "Linear", "attributes": {"out_features": 2}}
INSIDE = {"name": "b", "operator": "Composite", "subgraph": {"nodes": [NODE]}}


def graph(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"format_version": 1, "nodes": [NODE, *nodes], **more}


def training(**more: Any) -> dict[str, Any]:
    return {**json.loads(files.graph_file.dumps(presets.load("xor"))), "training": more}


def hostile(m: str) -> dict[str, Any]:
    """One graph for each place of a file that text from a stranger can stand in."""
    return {
        "version": {"format_version": m},
        "field": {"format_version": 1, m: 1},
        "node": graph({"name": m, "operator": "ReLU"}),
        "node field": graph({**LINEAR, m: 1}),
        "operator": graph({"name": "a", "operator": m}),
        "attribute": graph({**LINEAR, "attributes": {m: 1}}),
        "attribute value": graph({**LINEAR, "attributes": {"out_features": m}}),
        "edge": graph(LINEAR, edges=[m]),
        "edge end": graph(LINEAR, edges=[f"x.y -> {m}.x"]),
        "edge port": graph(LINEAR, edges=[f"x.y -> a.{m}"]),
        "initializer": graph({**LINEAR, "initializers": {"weight": m}}),
        "parameter": graph({**LINEAR, "initializers": {m: "zeros"}}),
        "frozen": graph({**LINEAR, "frozen": [m]}),
        "note": graph(notes=[{"name": "n", "text": m}]),
        "note name": graph(notes=[{"name": m, "text": "n"}]),
        "frame": graph({**LINEAR, "frame": "f"}, frames=[{"name": "f", "title": m}]),
        "frame color": graph(frames=[{"name": "f", "title": "f", "color": m}]),
        "frame parent": graph(frames=[{"name": "f", "title": "f", "parent": m}]),
        "port": graph(ports=[m]),
        "inside": graph({**INSIDE, "subgraph": {"nodes": [{"name": m, "operator": m}]}}),
        "optimizer": training(dataset="xor4", optimizer=m),
        "schedule": training(dataset="xor4", schedule=m),
        "data set": training(dataset=m),
        "data option": training(dataset="csv", data_options={"path": m}),
        "setting": training(**{m: m}),
    }


class Trap:
    """A pipe that notices when it is opened for reading, and never lets a reader wait."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.path, self._mark = folder / "p.png", folder / "opened"
        os.mkfifo(self.path)
        feed = f"while :; do echo > '{self.path}'; touch '{self._mark}'; done"
        self._feeder = subprocess.Popen(["sh", "-c", feed])
        self.markup = f'<img src="file://{self.path}">'

    @property
    def sprung(self) -> bool:
        return self._mark.exists()

    def close(self) -> None:
        self._feeder.kill()
        self._feeder.wait()


@pytest.fixture
def trap(tmp_path):
    trap = Trap(tmp_path / "trap")
    yield trap
    trap.close()


def look(window: Any) -> None:
    """Have everything drawn, with the tool tip of every item and the page of every node."""
    for item in window.canvas.items():
        if item.toolTip():
            QToolTip.showText(QPoint(5, 5), item.toolTip(), window)
            QApplication.processEvents()
    for node in list(window.document.graph):
        window.canvas.select([node.name])
        QApplication.processEvents()
    window.grab()
    QToolTip.hideText()


@pytest.mark.qt_log_ignore("Cannot set file position")
def test_a_trap_notices(qtbot, themed, trap) -> None:
    label = RichLabel(trap.markup)
    qtbot.addWidget(label)
    label.show()
    label.grab()
    assert trap.sprung


def test_no_place_of_a_graph_file_is_markup(make_window, tmp_path, trap) -> None:
    window = make_window()
    places = hostile(trap.markup)
    assert len(places) >= 21
    for place, content in places.items():
        path = tmp_path / f"{place}.graph.json"
        path.write_text(json.dumps(content))
        window.banner.hide()
        if not window.files.open(str(path)):
            assert "\n" not in window.banner.text, place
            assert len(window.banner.text) <= 300, place
        look(window)
        window.document.undo_stack.setClean()
        assert not trap.sprung, place


def test_a_path_is_no_markup(make_window, tmp_path, trap) -> None:
    window = make_window()
    folder = tmp_path / "<img src="
    assert not window.files.open(f"{trap.markup}.graph.json")
    assert "<img src=" in window.banner.text
    folder.mkdir()
    files.save(presets.load("xor"), folder / "a.graph.json")
    assert window.files.open(str(folder / "a.graph.json"))
    look(window)
    assert not trap.sprung


def test_every_label_of_the_window_is_plain(qtbot, make_window) -> None:
    window = make_window()
    for layout in LAYOUTS:
        window.layouts.show(layout)
        for dock in window.layouts.docks.values():
            dock.fill()  # each panel has its labels from now on
        QApplication.processEvents()
        labels = [w for w in window.findChildren(QLabel) if w.isVisible()]
        assert labels
        rich = [w for w in labels if w.textFormat() != w.textFormat().PlainText]
        assert [w.text() for w in rich if type(w) is not RichLabel] == []


def test_messages_and_tool_tips_are_plain(qtbot, themed, window, trap) -> None:
    box = QMessageBox(window)
    box.setText(trap.markup)
    box.setInformativeText(trap.markup)
    box.show()
    dialog = QProgressDialog(trap.markup, trap.markup, 0, 10, window)
    dialog.show()
    QApplication.processEvents()
    QToolTip.showText(QPoint(5, 5), trap.markup, window)
    window.status.say(trap.markup)
    window.refuse(trap.markup)
    for widget in (box, dialog, window, *QApplication.topLevelWidgets()):
        widget.grab()
    assert not trap.sprung
    assert window.banner.text == trap.markup
    box.close()
    dialog.close()
    QToolTip.hideText()


def test_an_axis_and_a_rich_label_show_names_literally(qtbot, themed, trap) -> None:
    holder, plot, label = QWidget(), PlotArea("plot"), RichLabel()
    qtbot.addWidget(holder)
    column = QVBoxLayout(holder)
    column.addWidget(plot)
    column.addWidget(label)
    holder.resize(900, 300)
    plot.label_axes(trap.markup, trap.markup)
    label.show_markup("<b>{0}</b> {1:,}", trap.markup, 1000)
    holder.show()
    holder.grab()
    assert not trap.sprung
    assert label.text().startswith("<b>&lt;img src=")
    assert label.text().endswith(" 1,000")
