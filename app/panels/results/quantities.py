"""How far a net's numbers are from the truth: its errors, and two or three pictures of them."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.plots.scatter import ScatterPlot
from app.widgets.layouts import in_row
from app.widgets.note import Note
from app.widgets.numbers import plain_number
from graphcore.records.arrays import unpack
from graphcore.views.results import Curve, Quantities

CURVE = 2


class QuantitiesPage(QWidget):
    """The errors on the test set in the unit of the data, beside a plot of them."""

    def __init__(self) -> None:
        super().__init__()
        empty = self.tr("The net's answers on the test set appear here.")
        self.against = ScatterPlot(self.tr("Answer against truth"), empty)
        self.residuals = ScatterPlot(self.tr("Residuals"), empty)
        self.curve = ScatterPlot(self.tr("Curve over the data"), empty)
        self.shown = QComboBox()
        self.shown.setAccessibleName(self.tr("What is drawn of the answers"))
        self.pages = QStackedWidget()
        for plot in (self.against, self.residuals, self.curve):
            self.shown.addItem(plot.plot.accessibleName())
            self.pages.addWidget(plot)
        self.shown.currentIndexChanged.connect(self.pages.setCurrentIndex)
        self.labels: dict[str, QLabel] = {}
        self.title, self.explained = Note("", lines=3), Note("", lines=4)
        self.stamp = Note("", lines=3)
        row = in_row(self._make_figures(), on=self, margins=0)
        column = QVBoxLayout()
        column.addWidget(self.shown, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.pages, 1)
        row.addLayout(column, 1)
        self._chosen_by_itself = True
        self.shown.activated.connect(lambda _i: self._choose())

    def _make_figures(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.addWidget(self.title)
        column.addSpacing(4)
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        for key, name, help_ in (
            ("mae", self.tr("MAE"), self.tr("Mean absolute error: how far off an answer is on "
                                            "average")),
            ("rmse", self.tr("RMSE"), self.tr("Root of the mean squared error: large misses count "
                                              "more")),
            ("r2", self.tr("R²"),
             self.tr("Share of the targets' variance that the net explains: 1 is perfect, 0 is no "
                     "better than always saying the mean")),
            ("spread", self.tr("always the mean"),
             self.tr("RMSE of an answer that is always the mean of the targets")),
        ):  # fmt: skip
            label = QLabel("–")
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setAccessibleName(name)
            label.setToolTip(help_)
            self.labels[key] = label
            form.addRow(name, label)
        column.addLayout(form)
        column.addWidget(self.explained)
        column.addStretch(1)
        column.addWidget(self.stamp)
        return column

    def _choose(self) -> None:
        self._chosen_by_itself = False

    def clear(self) -> None:
        """Another graph."""
        self._chosen_by_itself = True
        for plot in (self.against, self.residuals, self.curve):
            plot.clear()
        for label in self.labels.values():
            label.setText("–")
        for note in (self.title, self.explained, self.stamp):
            note.setText("")

    def show_quantities(self, found: Quantities, stamp: str) -> None:
        """Show errors and answers."""
        name = found.target or self.tr("the target")
        self.title.setText(self.tr("Errors of {0} on {1:,} test samples").format(
            name, found.samples))  # fmt: skip
        for key, value in (
            ("mae", found.mae), ("rmse", found.rmse), ("r2", found.r2), ("spread", found.spread),
        ):  # fmt: skip
            self.labels[key].setText("–" if value is None else plain_number(value))
        self.explained.setText(
            self.tr("{0:.1%} of the variance is explained.").format(
                found.r2 if found.r2 == 1 else min(found.r2, 0.999)  # not all before it is all
            )
            if found.r2 is not None and found.r2 >= 0
            else self.tr("Worse than always saying the mean.") if found.r2 is not None else ""
        )  # fmt: skip
        self.stamp.setText(stamp)
        truth, answers = unpack(found.truth), unpack(found.answers)
        none = np.zeros((0, 2))
        ends = np.array([truth.min(), truth.max()])
        self.against.label(self.tr("{0}, true").format(name), self.tr("{0}, answer").format(name))
        self.against.set_data(np.stack([truth, answers], 1), none, np.stack([ends, ends], 1), True)
        ends = np.array([answers.min(), answers.max()])
        self.residuals.label(self.tr("{0}, answer").format(name), self.tr("answer - truth"))
        self.residuals.set_data(
            np.stack([answers, answers - truth], 1), none, np.stack([ends, 0 * ends], 1), True
        )
        self._show_curve(found.curve, name)

    def _show_curve(self, curve: Curve | None, name: str) -> None:
        """A net of one input is drawn over its data, at once unless something was chosen."""
        while self.shown.count() > CURVE:
            self.shown.removeItem(CURVE)
        if curve is None:
            return
        self.stamp.setText(
            self.tr("{0} · dots are training samples, rings test samples").format(self.stamp.text())
        )
        self.shown.addItem(self.curve.plot.accessibleName())
        points = np.stack([unpack(curve.points_x), unpack(curve.points_y)], 1)
        first = len(points) - curve.tests
        self.curve.label(curve.column or self.tr("input"), name)
        self.curve.set_data(
            points[:first], points[first:], np.stack([unpack(curve.x), unpack(curve.y)], 1)
        )
        if self._chosen_by_itself:
            self.shown.setCurrentIndex(CURVE)
