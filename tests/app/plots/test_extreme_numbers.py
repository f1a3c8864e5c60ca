"""No numbers end the process, whatever shows them; each in a process that may crash."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest

from app.plots import items, numbers

HERE = Path(__file__).parent
APP = HERE.parents[2] / "app"


def run(*command, **environment):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]


def test_no_numbers_end_the_process():
    run(sys.executable, str(HERE / "extremes.py"), QT_QPA_PLATFORM="offscreen")


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="there is no Xvfb")
def test_no_numbers_end_the_process_on_a_display():
    screen = ("xvfb-run", "-a", "-s", "-screen 0 1600x900x24")
    lines = "curves", "contour", "landscape", "slice", "surface"
    run(*screen, sys.executable, str(HERE / "extremes.py"), *lines, QT_QPA_PLATFORM="xcb")


def test_what_is_drawn_of_a_line_ends_beside_the_picture(qtbot):
    """Qt's raster engine died of the way of a runner whose loss exploded."""
    plot = pg.PlotWidget()
    qtbot.addWidget(plot)
    plot.resize(200, 200)
    plot.setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
    curve = items.Curve()
    plot.addItem(curve, ignoreBounds=True)
    drawn = []
    curve._take, take = lambda *data: (drawn.append(data), take(*data)), curve._take
    curve.setData([0.5, 1e18, np.nan, -1e34, 0.5], [0.5, 2e18, 0.0, 1.0, 0.5])
    plot.grab()
    x, y, connect = drawn[0]
    assert connect == "pairs"
    assert np.abs([x, y]).max() < 1e4
    assert (y[1] - y[0]) / (x[1] - x[0]) == pytest.approx(2.0)  # in its own direction
    assert curve.xData[1] == 1e18  # what is read off stays


def test_numbers_are_bounded():
    given = [1.0, np.inf, -np.inf, np.nan, 1.7e308]
    assert numbers.bounded(given).tolist()[::4] == [1.0, numbers.LARGEST]
    assert np.isnan(numbers.bounded(given)[1:4]).all()
    assert numbers.filled(given).tolist() == [1.0, 0.0, 0.0, 0.0, numbers.LARGEST]
    first, last = numbers.ends([1e34, 1e34])
    assert last > first


def test_every_curve_and_point_goes_through_one_door():
    raw = {"PlotCurveItem", "PlotDataItem", "ScatterPlotItem", "FillBetweenItem"}
    found = [
        f"{file.name}:{node.lineno}"
        for file in APP.rglob("*.py")
        if file.name != "items.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in raw
    ]
    assert not found
