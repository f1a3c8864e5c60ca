"""The dot is dragged over a surface that OpenGL draws, in a real window on a display of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

XVFB = shutil.which("Xvfb")
WINDOW = """
import json, sys
import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from app.plots.surface import SurfacePlot

app = QApplication([])
plot = SurfacePlot()
plot.resize(700, 500)
plot.show()
QTest.qWaitForWindowExposed(plot)
axis = np.linspace(-1, 1, 31)
a, b = np.meshgrid(axis, axis)
plot.set_surface(axis, axis, 0.2 + a**2 + 0.3 * b**2)
if plot.view is None:
    print(json.dumps({"drawn": False}))
    sys.exit()
plot.set_labels("PC 1 (71 %)", "PC 2")
plot.set_path(np.array([[-0.9, -0.9], [-0.6, -0.5], [np.nan, np.nan], [0.0, 0.0]]))
QTest.qWait(200)
dragged, released = [], []
plot.dot_dragged.connect(lambda *at: dragged.append(at))
plot.dot_released.connect(lambda *at: released.append(at))

def pixel(a, b):
    return QPoint(*np.rint(plot.pixel_of(a, b)).astype(int).tolist())

def drag(start, end):
    QTest.mousePress(plot.view, Qt.MouseButton.LeftButton, pos=start)
    for share in (0.25, 0.5, 0.75, 1.0):
        QTest.mouseMove(plot.view, start + (end - start) * share)
        QTest.qWait(20)
    QTest.mouseRelease(plot.view, Qt.MouseButton.LeftButton, pos=end)

before = plot.view.grab().toImage()
azimuth = plot.view.opts["azimuth"]
drag(pixel(0.0, 0.0), pixel(0.6, -0.5))
image = plot.view.grab().toImage()
changed = [
    (x, y) for x in range(image.width()) for y in range(image.height())
    if image.pixel(x, y) != before.pixel(x, y)
]
found = {
    "drawn": True, "dragged": dragged, "released": released,
    "turned": plot.view.opts["azimuth"] != azimuth,
    "words": [text.text for text in plot.axes.texts.values()],
    "changed": changed, "wanted": plot.pixel_of(0.6, -0.5).tolist(),
}
drag(QPoint(30, 30), QPoint(130, 30))
found["turned beside it"] = plot.view.opts["azimuth"] != azimuth
found["released in all"] = len(released)
print(json.dumps(found))
"""


@pytest.fixture
def display():
    if XVFB is None:
        pytest.skip("there is no Xvfb")
    read, write = os.pipe()
    server = subprocess.Popen(
        [XVFB, "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
        pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as numbers:
        number = numbers.readline().strip()
    if not number:
        server.wait()
        pytest.skip("Xvfb does not start")
    yield f":{number}"
    server.terminate()
    server.wait()


def test_the_dot_follows_the_mouse_over_the_surface(display: str) -> None:
    env = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
    done = subprocess.run(
        [sys.executable, "-c", WINDOW], env=env, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    if "could not load the Qt platform plugin" in done.stderr.lower():
        pytest.skip("Qt's plugin for X lacks a library")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    if not found["drawn"]:
        pytest.skip("there is no OpenGL")
    assert {"PC 1", "PC 2", "loss", "−1", "1", "0.2", "1.5"} <= set(found["words"])
    assert len(found["dragged"]) == 4
    assert found["released"] == [pytest.approx([0.6, -0.5], abs=0.05)]
    assert not found["turned"]
    assert any(
        abs(x - found["wanted"][0]) <= 6 and abs(y - found["wanted"][1]) <= 6
        for x, y in found["changed"]
    )  # the dot is drawn where the mouse let it go
    assert found["turned beside it"]
    assert found["released in all"] == 1
