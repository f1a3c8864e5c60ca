"""Shows every plot numbers that no net should give; run as a program, for a crash ends it."""

from __future__ import annotations

import sys
import traceback
import warnings

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.plots.activation_curve import ActivationCurve
from app.plots.confusion import ConfusionMatrix
from app.plots.contour import ContourPlot
from app.plots.curve import CurvePlot
from app.plots.decision_map import DecisionMap
from app.plots.heat_strips import HeatStrips
from app.plots.histogram import Ridge
from app.plots.landscape_view import LandscapeView
from app.plots.profile import ProfilePlot
from app.plots.reliability import ReliabilityPlot
from app.plots.slice_curve import SliceCurve
from app.plots.surface import SurfacePlot
from app.plots.tile_view import TileView
from app.plots.unit_net import UnitNet
from app.plots.warped_grid import WarpedGrid
from app.style import palette
from app.widgets.sketch import Sketch

WIDTHS = (20, 300, 1500)
KINDS: dict[str, list[float]] = {
    "steep": [(-7.0) ** k for k in range(0, 180, 4)],
    "float32": [1.0, 10.0, 1e34, -3e38],
    "float64": [1.0, 1.7e308, -1.7e308, 2.0],
    "infinite": [1.0, np.inf, -np.inf, 2.0],
    "missing": [np.nan] * 4,
    "gaps": [1.0, np.nan, 3.0, np.nan],
    "equal": [3.0] * 4,
    "equal and huge": [1e34] * 4,
    "neighbours": [1e15, 1e15 + 1],
    "one": [1e34],
    "denormal": [5e-324, 1e-310, 0.0],
    "integers": [float(2**63 - 1), float(-(2**63)), 0.0],
    "none": [],
}


def matrix(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The values over and over; an empty matrix where there are none."""
    return np.resize(values, (rows, columns)) if len(values) else np.zeros((0, 0))


def rising(values: np.ndarray) -> np.ndarray:
    """Edges that do not fall, one more than there are values."""
    return np.sort(np.append(values, values[-1:] if len(values) else [0.0]))


def plane(values: np.ndarray) -> np.ndarray:
    return np.stack([values, values[::-1]], 1)


def feed_curves(plot: CurvePlot, v: np.ndarray, turn: int) -> None:
    plot.set_log(turn % 2 == 1)
    plot.append("a", np.arange(len(v)) + turn * len(v), v)
    if turn % 3 == 0:
        plot.append("b", np.arange(len(v)), v[::-1])
    plot.set_playhead(1.0 if turn else None)
    plot.redraw()


def feed_surface(plot: ContourPlot | LandscapeView, v: np.ndarray, turn: int) -> None:
    if not len(v):
        plot.clear()
        return
    ground = np.linspace(-1.0, 1.0, 9)
    side = np.resize(v, 9) if turn % 2 else ground
    plot.set_log(turn % 2 == 1)
    plot.set_surface(side, side, matrix(v, 9, 9))
    if isinstance(plot, LandscapeView):
        plot.set_path(plane(v), {"x": plane(v), "y": plane(v) * 1.3})
        plot.redraw()
    else:
        plot.set_others({"x": plane(v), "y": plane(v) * 1.3})
        plot.set_path(plane(v))
    plot.set_current(float(v[0]), float(v[-1]))


def feed_space(plot: SurfacePlot, v: np.ndarray, turn: int) -> None:
    if not len(v):
        plot.clear()
        return
    side = np.resize(v, 9) if turn % 2 else np.linspace(-1.0, 1.0, 9)
    plot.set_log(turn % 2 == 1)
    plot.set_surface(side, side, matrix(v, 9, 9))
    plot.set_path(plane(v))
    plot.set_others({"x": plane(v), "y": plane(v) * 1.3})
    plot.set_current(float(v[0]), float(v[-1]))


def feed_slice(plot: SliceCurve, v: np.ndarray, turn: int) -> None:
    plot.set_log(turn % 2 == 1)
    plot.set_curve(np.linspace(-1.0, 1.0, len(v)) if turn % 2 else np.sort(v), v)
    plot.set_path(plane(v))
    if len(v):
        plot.set_current(float(v[0]), 0.0)


def feed_spread(plot: Ridge, v: np.ndarray, turn: int) -> None:
    counts = np.abs(v) if turn % 2 else np.ones(len(v))
    plot.append(turn, counts, rising(v))


def feed_activation(plot: ActivationCurve, v: np.ndarray, turn: int) -> None:
    x = np.linspace(-1.0, 1.0, len(v)) if turn % 2 else np.sort(v)
    plot.set_curve(x, v, v[::-1], rising(v), np.abs(v), 0.5)


def feed_points(plot: DecisionMap, v: np.ndarray, turn: int) -> None:
    shares = np.resize(v, (1 + turn % 3, 5, 5)) if len(v) else np.zeros((0, 1, 1))
    ends = (float(v[0]), float(v[-1])) if len(v) else (0.0, 0.0)
    plot.set_map(shares, ends, ends[::-1], ("a", "b", "c"))
    plot.set_points(plane(v), v, len(v) // 2)
    plot.set_generated(plane(v))


def feed_units(plot: UnitNet, v: np.ndarray, turn: int) -> None:
    maps = np.resize(v, (2, 3, 3)) if len(v) else np.zeros((0, 3, 3))
    weights = matrix(v, 2, 2)
    plot.set_net([("a", maps), ("b", maps)], [("a", "b", weights)])


def feed_grid(plot: WarpedGrid, v: np.ndarray, turn: int) -> None:
    grid = np.resize(v, (7, 7, 2)) if len(v) else np.zeros((0, 0, 2))
    plot.set_grid(grid, plane(v), v)


def feed_tiles(plot: TileView, v: np.ndarray, turn: int) -> None:
    plot.set_maps(np.resize(v, (2 + turn, 3, 3)) if len(v) else np.zeros((0, 1, 1)))


def feed_counts(plot: ConfusionMatrix, v: np.ndarray, turn: int) -> None:
    side = 2 + turn if len(v) else 0
    plot.set_counts(matrix(v, side, side), [str(i) for i in range(side)])


def feed_bins(plot: ReliabilityPlot, v: np.ndarray, turn: int) -> None:
    plot.set_bins(np.stack([np.abs(v), v, v[::-1]], 1) if len(v) else np.zeros((0, 3)))


def feed_bars(plot: ProfilePlot, v: np.ndarray, turn: int) -> None:
    plot.set_bars([(str(i), value) for i, value in enumerate(v[: 2 + turn].tolist())])


PLOTS = {
    "curves": (lambda: CurvePlot("t", {"a": "a"}, raw=("a",), gap=("a", "b")), feed_curves),
    "contour": (ContourPlot, feed_surface),
    "landscape": (LandscapeView, feed_surface),
    "surface": (SurfacePlot, feed_space),
    "slice": (SliceCurve, feed_slice),
    "ridge": (lambda: Ridge("t"), feed_spread),
    "strips": (lambda: HeatStrips("t"), feed_spread),
    "activation": (ActivationCurve, feed_activation),
    "points": (lambda: DecisionMap("t"), feed_points),
    "units": (lambda: UnitNet("t"), feed_units),
    "grid": (lambda: WarpedGrid("t"), feed_grid),
    "tiles": (lambda: TileView("t"), feed_tiles),
    "confusion": (ConfusionMatrix, feed_counts),
    "reliability": (lambda: ReliabilityPlot("t"), feed_bins),
    "profile": (lambda: ProfilePlot("t", ""), feed_bars),
    "shares": (lambda: ProfilePlot("t", "", logarithmic=False), feed_bars),
    "sketch": (Sketch, lambda plot, v, turn: None),
}


def point_at(plot: QWidget) -> None:
    """Move the mouse over a plot and its parts."""
    for target in (plot, *plot.findChildren(QWidget)):
        at = QPointF(target.rect().center() + QPoint(1, 1))
        QApplication.sendEvent(
            target,
            QMouseEvent(
                QMouseEvent.Type.MouseMove, at, target.mapToGlobal(at), Qt.MouseButton.NoButton,
                Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            ),
        )  # fmt: skip


def show(name: str, kinds: list[str]) -> None:
    """Show a plot every kind of numbers at every width."""
    make, feed = PLOTS[name]
    for width in WIDTHS:
        plot = make()
        plot.setMinimumSize(0, 0)
        plot.resize(width, 300)
        plot.show()
        for turn, kind in enumerate(kinds):
            print(f"{name} {width} {kind}", flush=True)
            feed(plot, np.array(KINDS[kind], float), turn)
            QApplication.processEvents()
            plot.grab()
            point_at(plot)
        plot.resize(3, 3)
        plot.grab()
        plot.close()


def main(names: list[str]) -> int:
    """Show the plots of these names, all of them if there are none; 1 if anything was raised."""
    app = QApplication([])
    palette.apply(app, "dark")
    warnings.simplefilter("ignore")
    faults: set[str] = set()

    def note(kind: type[BaseException], error: BaseException, trace: object) -> None:
        where = traceback.extract_tb(error.__traceback__)
        inside = [f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in where[-3:]]
        faults.add(f"{kind.__name__}: {error} in {', '.join(inside)}")

    sys.excepthook = note
    for name in names or list(PLOTS):
        for kinds in (list(KINDS), list(KINDS)[::-1]):
            try:
                show(name, kinds)
            except Exception as error:
                note(type(error), error, None)
    print("\n".join(sorted(faults)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
