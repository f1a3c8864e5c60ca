"""Draws every plot and widget into pictures, dark and light, to be looked at.

    python tests/app/gallery.py FOLDER [NAME ...]

Leaves FOLDER/NAME-dark.png and FOLDER/NAME-light.png, and prints what a redraw of each plot costs.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QApplication, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from app.style import palette

EXHIBITS: dict[str, Callable[[], QWidget]] = {}
UPDATES: dict[str, Callable[[QWidget], object]] = {}
RNG = np.random.default_rng(0)


def exhibit(make: Callable[[], QWidget]) -> Callable[[], QWidget]:
    EXHIBITS[make.__name__] = make
    return make


def losses(steps: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.arange(steps)
    return x, 2.3 * np.exp(-x / 400) + 0.05 + 0.1 * RNG.random(steps) * np.exp(-x / 3000)


@exhibit
def curve() -> QWidget:
    from app.plots.curve import CurvePlot

    plot = CurvePlot("Loss", {"train": "train", "test": "test"}, raw=("train",), marks=("test",))
    plot.append("train", *losses(4000))
    plot.append(
        "test", np.arange(0, 4000, 468), 2.2 * np.exp(-np.arange(0, 4000, 468) / 390) + 0.06
    )
    plot.redraw()
    plot.resize(560, 300)
    plot.show()
    QApplication.processEvents()
    plot._on_pointed(1500, 0.8)
    return plot


@exhibit
def curve_log() -> QWidget:
    from app.plots.curve import CurvePlot

    plot = CurvePlot("Loss", {"train": "train"}, raw=("train",))
    plot.append("train", *losses(4000))
    plot.append("another", *losses(2000))
    plot.set_log(True)
    plot.resize(560, 300)
    return plot


@exhibit
def curve_empty() -> QWidget:
    from app.plots.curve import CurvePlot

    plot = CurvePlot("Accuracy", {"train": "train"}, empty="Press Play: the curve appears here.")
    plot.resize(560, 300)
    return plot


def bowl(n: int = 41) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a = np.linspace(-1, 1, n)
    x, y = np.meshgrid(a, a)
    values = 0.05 + 1.5 * (x * x + 0.4 * y * y + 0.3 * x * y) + 0.25 * np.sin(4 * x) * np.cos(3 * y)
    return a, a, values - values.min() + 0.03


@exhibit
def ridge() -> QWidget:
    from app.plots.histogram import Ridge

    plot = Ridge("weights over time")
    for i in range(90):
        values = RNG.normal(i / 60, 1.2 - i / 120, 2000)
        plot.append(i * 20, *np.histogram(values, 60, range=(-4, 4)))
    plot.resize(420, 260)
    return plot


@exhibit
def contour() -> QWidget:
    from app.plots.contour import ContourPlot

    plot = ContourPlot()
    plot.set_surface(*bowl())
    t = np.linspace(0, 1, 60)
    plot.set_path(np.stack([0.8 - 0.9 * t, 0.7 * np.cos(3 * t) * (1 - t)], 1))
    plot.set_current(-0.1, 0.0)
    plot.set_labels("PC 1 (71 % of the path)", "PC 2 (18 %)")
    plot.set_stamp("step 1,200 · 2.1 s ago", False)
    plot.resize(520, 420)
    return plot


@exhibit
def contour_stale() -> QWidget:
    plot = contour()
    plot.set_stamp("STALE · Step 1,200, 800 steps ago", True)
    return plot


@exhibit
def contour_empty() -> QWidget:
    from app.plots.contour import ContourPlot

    plot = ContourPlot()
    plot.resize(520, 300)
    return plot


@exhibit
def surface() -> QWidget:
    from app.plots.surface import SurfacePlot

    plot = SurfacePlot()
    plot.set_surface(*bowl())
    t = np.linspace(0, 1, 60)
    plot.set_path(np.stack([0.8 - 0.9 * t, 0.7 * np.cos(3 * t) * (1 - t)], 1))
    plot.resize(520, 420)
    return plot


@exhibit
def tile_view() -> QWidget:
    from app.plots.tile_view import TileView

    plot = TileView("feature maps")
    y, x = np.mgrid[0:24, 0:24] / 24
    maps = [np.sin(8 * x * (1 + i / 5) + i) * np.cos(7 * y + i) for i in range(12)]
    plot.set_maps(np.array(maps))
    plot.resize(420, 240)
    plot.show()
    QApplication.processEvents()
    plot.mark((10, 30))
    return plot


@exhibit
def confusion() -> QWidget:
    from app.plots.confusion import ConfusionMatrix

    plot = ConfusionMatrix()
    counts = np.diag(RNG.integers(880, 1130, 10)) + RNG.poisson(1.5, (10, 10))
    counts[4, 9] = counts[9, 4] = 41
    plot.set_counts(counts)
    plot.resize(420, 420)
    plot.show()
    QApplication.processEvents()
    plot.mark((4, 9))
    return plot


UPDATES["ridge"] = lambda w: w.append(0, *np.histogram(RNG.normal(size=500), 60, range=(-4, 4)))
UPDATES["contour"] = lambda w: w.set_surface(*bowl())
UPDATES["tile_view"] = lambda w: w.set_maps(RNG.normal(size=(32, 24, 24)))
UPDATES["confusion"] = lambda w: w.set_counts(RNG.integers(0, 900, (10, 10)))


def more_points(plot: QWidget) -> None:
    x, y = losses(30)
    start = len(plot.points("train")[0])
    plot.append("train", x + start, y)
    plot.redraw()


UPDATES["curve"] = more_points


def main(folder: str, *names: str) -> None:
    app = QApplication(["gallery"])
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for name in names or EXHIBITS:
        palette.apply(app, "dark")
        widget = EXHIBITS[name]()
        widget.show()
        app.processEvents()
        for theme in ("dark", "light"):
            palette.apply(app, theme)
            app.processEvents()
            widget.grab().save(str(out / f"{name}-{theme}.png"))
        if name in UPDATES:
            measure(name, widget)
        widget.close()
        widget.deleteLater()
        app.processEvents()


def measure(name: str, widget: QWidget, times: int = 60) -> None:
    """Time new data with the paint that shows it."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        UPDATES[name](widget)
        QApplication.processEvents()
        spent.append(1000 * (time.perf_counter() - start))
    print(f"{name:16} {statistics.median(spent):6.2f} ms  worst {max(spent):6.2f} ms")


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    main(*sys.argv[1:])
