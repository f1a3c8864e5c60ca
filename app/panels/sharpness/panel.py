"""Sharpness: the largest curvature of the loss along the run, beside 2 / learning rate."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QCheckBox

from app.document.document import Document
from app.engine.engine import Engine, whose_weights
from app.panels.panel import Panel
from app.plots.curve import CurvePlot
from app.widgets.layouts import in_column, in_row
from app.widgets.note import Note
from app.widgets.numbers import format_number
from graphcore.views.sharpness import SharpnessFrame, SharpnessRequest

INEXACT = 0.01
"""Relative error from which on the figure is called rough."""


class SharpnessPanel(Panel):
    """Both curves over the steps, and in words on which side of the limit the net is."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        names = {"sharpness": self.tr("sharpness"), "limit": self.tr("2 / learning rate")}
        empty = self.tr("The sharpness appears here once it is computed; the net needs a loss.")
        self.plot = CurvePlot(
            self.tr("Sharpness: largest eigenvalue of the Hessian"), names,
            marks=("sharpness",), empty=empty,
        )  # fmt: skip
        self.plot.setToolTip(
            self.tr(
                "How sharply the loss bends in its steepest direction, on the batch of the step. "
                "Gradient descent with learning rate r settles in a valley only while the "
                "sharpness is below 2 / r: above it each step lands further up the opposite side. "
                "While a net learns, its sharpness often rises to that line and stays about it: "
                "it trains at the edge of stability. A smaller learning rate lifts the line. "
                "Momentum and Adam have other limits."
            )
        )
        self.log = QCheckBox(self.tr("Log scale"))
        self.log.setToolTip(self.tr("A logarithmic axis: both curves are seen, however far apart"))
        self.log.toggled.connect(self.plot.set_log)
        self.stamp = Note()
        below = in_row((self.stamp, 1), self.log)
        in_column((self.plot, 1), below, on=self, margins=(8, 4, 8, 8))
        engine.on(SharpnessFrame, self.show_reply)
        engine.reset_done.connect(self.clear)
        self.clear()

    def looks_at(self) -> SharpnessRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        return SharpnessRequest()

    def clear(self) -> None:
        """Forget the curves."""
        self.plot.clear()
        self.stamp.setText("")

    def show_reply(self, frame: SharpnessFrame) -> None:
        """Show the sharpness at a step, and where it is known along the run."""
        self.clear()
        self.stamp.setText(frame.problem)
        shown = [p for p in frame.points if np.isfinite(p.value)]
        if not shown:
            return
        steps = np.array([p.step for p in shown], float)
        self.plot.append("sharpness", steps, np.array([p.value for p in shown]))
        self.plot.append("limit", steps, np.array([p.limit for p in shown]))
        self.plot.redraw()
        now = next((p for p in shown if p.step == frame.step), None)
        if now is None:
            return
        whose = whose_weights(self._engine.moment)
        said = self.tr("Step {0:,}{1} · sharpness {2}, 2 / learning rate {3}: ").format(
            now.step, whose, format_number(now.value), format_number(now.limit)
        )
        above = self.tr("above the line, plain gradient descent would bounce here")
        below = self.tr("below the line, plain gradient descent settles here")
        said += above if now.value > now.limit else below
        if frame.error > INEXACT:
            said += self.tr(" (rough: two directions bend alike)")
        self.stamp.setText(said)
