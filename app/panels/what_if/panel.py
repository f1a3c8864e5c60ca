"""What if: hold a neuron, a channel or an edge at another value, and see what the net says then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.widgets.number_field import NumberField, WholeField
from app.widgets.rich_label import RichLabel
from graphcore.session.messages import Hold
from graphcore.views.stepper import WalkFrame
from graphcore.views.what_if import WhatIfFrame

AT_VALUE, FROM_SAMPLE = 0, 1
ROW_HEIGHT, MOST_ROWS = 22, 12


class WhatIfPanel(Panel):
    """The selected node's output or one of its edges is held; release restores.

    Holds are steps of the history. They belong to looking: training never sees them.
    """

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._node = ""
        self.holds: tuple[Hold, ...] = ()
        self._make_fields()
        self._make_results()
        self._lay_out()
        engine.on(WhatIfFrame, self._on_figures)
        engine.on(WalkFrame, self._on_walk)
        document.changed.connect(lambda _change: self._show_node())
        self.forget()

    # -- parts --------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.what, self.where = RichLabel(), QComboBox()
        self.where.setAccessibleName(self.tr("Where it is held"))
        self.where.setToolTip(self.tr("For every reader of the node, or along one edge alone"))
        self.unit = WholeField()
        self.unit.setRange(-1, -1)
        self.unit.setSpecialValueText(self.tr("all of it"))
        self.unit.setPrefix(self.tr("unit "))
        self.unit.setAccessibleName(self.tr("Unit"))
        self.unit.setToolTip(self.tr("One neuron or feature map, counted from 0, or all of it"))
        self.how = QComboBox()
        self.how.addItems([self.tr("at the value"), self.tr("at its value for sample")])
        self.how.setAccessibleName(self.tr("How it is held"))
        self.value, self.sample = NumberField(), WholeField()
        self.value.setRange(-1e6, 1e6)
        self.value.setAccessibleName(self.tr("Value"))
        self.sample.setRange(0, 1_000_000)
        self.sample.setAccessibleName(self.tr("Sample"))
        self.how.currentIndexChanged.connect(self._show_how)
        self.hold = QPushButton(self.tr("Hold"))
        self.hold.clicked.connect(self._add)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("What is held"))
        self.release = QPushButton(self.tr("Release"))
        self.release.setToolTip(self.tr("Stop holding the marked value"))
        self.release.clicked.connect(self._release)
        self.release_all = QPushButton(self.tr("Release all"))
        self.release_all.clicked.connect(lambda: self._set(()))

    def _make_results(self) -> None:
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        self.stamp = QLabel()
        self.stamp.setObjectName("muted")
        self.stamp.setWordWrap(True)
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels([self.tr("free"), self.tr("held"), self.tr("change")])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setAccessibleName(self.tr("Accuracy per class, free and held"))
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        for parts in (
            (self.what,), (self.where, self.unit), (self.how, self.value, self.sample),
            (self.hold,), (self.list,), (self.release, self.release_all), (self.verdict,),
        ):  # fmt: skip
            row = QHBoxLayout()
            column.addLayout(row)
            for part in parts:
                row.addWidget(part, 2 if part in (self.where, self.how) else 1)
                if len(parts) > 1:  # else a long choice would make the panel wide
                    part.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        column.addWidget(self.stamp)
        column.addWidget(self.table, 1)
        column.addStretch(0)

    # -- the selection ------------------------------------------------------------------------

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""
        self._node = names[0] if len(names) == 1 else ""
        self._show_node()

    def _show_node(self) -> None:
        graph = self._document.graph
        node = graph.node(self._node) if self._node in graph else None
        fits = node is not None and bool(node.outputs) and not self._document.prefix
        for widget in (self.where, self.unit, self.how, self.value, self.sample, self.hold):
            widget.setEnabled(fits)
        if node is None or not fits:
            self.what.setText(self.tr("Select a node to hold its value."))
            self.where.clear()
            return
        self.what.show_markup(self.tr("Hold <b>{0}</b>"), node.name)
        self.where.clear()
        self.where.addItem(self.tr("for all that read it"), ("", ""))
        for edge in graph.edges_from(node):
            self.where.addItem(
                self.tr("along the edge to {0}.{1}").format(edge.target, edge.input),
                (edge.target, edge.input),
            )
        shape = self._document.shapes.shape(node) or ()
        sizes = [d for d in shape if isinstance(d, int)]
        batch = len(sizes) < len(shape)
        self.unit.setRange(-1, (sizes[0] if sizes and (batch or sizes) else 0) - 1)
        self.unit.setValue(-1)
        self._show_how()

    def _show_how(self) -> None:
        from_sample = self.how.currentIndex() == FROM_SAMPLE
        self.value.setVisible(not from_sample)
        self.sample.setVisible(from_sample)

    # -- holding ------------------------------------------------------------------------------

    def _add(self) -> None:
        target, input_ = self.where.currentData() or ("", "")
        from_sample = self.how.currentIndex() == FROM_SAMPLE
        unit = () if self.unit.value() < 0 else (self.unit.value(),)
        hold = Hold(
            self._node, unit, None if from_sample else self.value.value(), self.sample.value(),
            target, input_,
        )  # fmt: skip
        place = (hold.node, hold.unit, hold.target, hold.input)
        others = (h for h in self.holds if (h.node, h.unit, h.target, h.input) != place)
        self._set((*others, hold))

    def _release(self) -> None:
        row = self.list.currentRow()
        if row >= 0:
            self._set(self.holds[:row] + self.holds[row + 1 :])

    def _set(self, holds: tuple[Hold, ...]) -> None:
        if holds != self.holds:
            text = (
                self.tr("Hold {0}").format(holds[-1].node) if len(holds) > len(self.holds) else ""
            )
            self._document.look_at(text or self.tr("Release"), self._apply, self.holds, holds)

    def _apply(self, holds: tuple[Hold, ...]) -> None:
        """Let the engine hold these; undo and redo come here too."""
        self.holds = holds
        self.list.clear()
        self.list.addItems([described(h) for h in holds])
        self.list.setCurrentRow(len(holds) - 1)
        self.list.setFixedHeight(ROW_HEIGHT * min(3, max(1, len(holds))) + 6)
        for part in (self.list, self.release, self.release_all):
            part.setVisible(bool(holds))
        self._clear_results()
        self._engine.hold(holds)

    def forget(self) -> None:
        """Another graph was opened: nothing is held."""
        self._node = ""
        self._apply(())
        self._show_node()

    # -- what comes of it ---------------------------------------------------------------------

    def _clear_results(self) -> None:
        self.table.setRowCount(0)
        self.table.hide()
        self.stamp.hide()
        self.verdict.setText(
            "" if self.holds else self.tr(
                "Hold a value: the stepper's numbers, the answer and the accuracy follow at once."
            )
        )  # fmt: skip

    def _on_walk(self, frame: WalkFrame) -> None:
        if frame.problem:
            self.verdict.setText(frame.problem)
        elif frame.held and frame.answer:
            self.verdict.setText(
                self.tr("A {0}: predicted as {1}, without the hold as {2}.").format(
                    frame.label, frame.answer, frame.free_answer
                )
            )

    def _on_figures(self, frame: WhatIfFrame) -> None:
        if frame.problem:
            self.verdict.setText(frame.problem)
            return
        if not self.holds:
            return
        rows: list[tuple[Any, ...]] = [(self.tr("loss"), *frame.loss, "{:.4f}")]
        if frame.right:
            free, held = frame.right
            rows.append((self.tr("all"), free, held, "{:.1%}"))
        rows += [
            (name, a, b, "{:.1%}")
            for name, a, b in zip(frame.classes, frame.before, frame.after, strict=False)
        ]
        self.table.setRowCount(len(rows))
        self.table.setMinimumHeight(ROW_HEIGHT * (min(MOST_ROWS, len(rows)) + 1) + 6)
        self.table.setVerticalHeaderLabels([r[0] for r in rows])
        for i, (_name, free, held, form) in enumerate(rows):
            change = "" if math.isnan(free + held) else form.replace(":", ":+").format(held - free)
            for j, text in enumerate((form.format(free), form.format(held), change)):
                item = QTableWidgetItem("–" if "nan" in text else text.replace("-", "−"))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(i, j, item)
        self.stamp.setText(
            self.tr("Of the first {0:,} test samples, in all and by class, at step {1:,}").format(
                frame.samples, frame.step
            )
        )
        self.table.show()
        self.stamp.show()


def described(hold: Hold) -> str:
    """A hold in words."""
    unit = f"[{', '.join(map(str, hold.unit))}]" if hold.unit else ""
    where = f" → {hold.target}.{hold.input}" if hold.target else ""
    what = f"= {hold.value:g}" if hold.value is not None else f"as for sample {hold.sample}"
    return f"{hold.node}{unit}{where} {what}"
