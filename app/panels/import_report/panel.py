"""The import report: what became what, what is not as it was, and what training still needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from app.document.facts import bytes_text
from app.document.ways_to_train import add_needed, needed_loss
from app.panels.panel import Panel
from app.widgets.layouts import in_column
from app.widgets.section import Facts, heading, text_label, title
from app.widgets.two_lines import SUMMARY, TwoLines
from graphcore import datasets
from graphcore.errors import GradscapeError, short
from graphcore.exchange.needs import with_data
from graphcore.exchange.report import ImportReport
from graphcore.graph.binding import waiting
from graphcore.graph.graph import Graph
from graphcore.views.net_files import WeightsLoaded

_NODE = int(Qt.ItemDataRole.UserRole) + 1
MOST_LISTED = 200


class ImportReportPanel(Panel):
    """A page about the net that was imported; a click on a node of the list selects it.

    Attributes:
        add: the button that adds a loss, a target and data.
    """

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__(document, engine)
        self._empty = text_label(
            self.tr("The open graph was not imported. File > Import > Net opens one."), dim=True
        )
        self._page = QWidget()
        self.source = title("")
        self.source.setWordWrap(True)
        self.facts = Facts([
            self.tr("Calls in the file"), self.tr("Nodes here"), self.tr("Composites"),
            self.tr("Parameters"), self.tr("Weights"),
        ])  # fmt: skip
        self.facts.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.check, self.notes, self.needs = text_label(), text_label(), text_label()
        self.foreign = QListWidget()
        self.foreign.setAccessibleName(self.tr("Nodes without an operator of their own"))
        self.foreign.setFrameShape(QListWidget.Shape.NoFrame)
        self.foreign.setItemDelegate(TwoLines(self.foreign))
        self.foreign.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.foreign.itemClicked.connect(self._choose)
        self.foreign.itemActivated.connect(self._choose)
        self.add = QPushButton(self.tr("Add what training needs"))
        self.add.setObjectName("primary")
        self.add.clicked.connect(self._add)
        self._headings: dict[QWidget, QLabel] = {}
        self._lay_out()
        self._late = QTimer(self, singleShot=True, interval=0)
        self._late.timeout.connect(self._show_needs)
        for signal in (document.changed, document.shapes_changed, document.level_changed):
            signal.connect(lambda _what=None: self._late.start())
        if engine is not None:
            engine.on(WeightsLoaded, self._on_weights)
        self.show_report()

    def _on_weights(self, news: WeightsLoaded) -> None:
        """Name the file that the weights were taken from."""
        if not news.problem:
            self.facts.values[self.tr("Weights")].setText(short(Path(news.path).name))

    def _lay_out(self) -> None:
        page = in_column(self.source, self.facts, on=self._page, margins=0, spacing=8)
        for name, widget in (
            (self.tr("Training"), self.needs), (self.tr("Check"), self.check),
            (self.tr("Notes"), self.notes), (self.tr("Runs as in PyTorch"), self.foreign),
        ):  # fmt: skip
            self._headings[widget] = heading(name)
            page.addSpacing(6)
            page.addWidget(self._headings[widget])
            page.addWidget(widget)
            if widget is self.needs:
                page.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)
        in_column(self._empty, self._page, 1, on=self, margins=(12, 12, 12, 12))

    def forget(self) -> None:
        """Another graph was opened."""
        self.show_report()

    # -- what is seen -------------------------------------------------------------------------

    def show_report(self) -> None:
        """Show the report of the open graph, or that there is none."""
        report = self._document.origin.report
        self._page.setVisible(report is not None)
        self._empty.setVisible(report is None)
        if report is None:
            return
        self.source.setText(report.source)
        numbers = (
            f"{report.calls:,}" if report.calls else "–", f"{report.nodes:,}",
            f"{report.composites:,}", f"{report.parameters:,}" if report.parameters else "–",
            bytes_text(report.bytes) if report.bytes else "–",
        )  # fmt: skip
        self.facts.show_values(dict(zip(self.facts.values, numbers, strict=True)))
        self._show_text(self.check, "\n".join(report.checks()))
        self._show_text(self.notes, "\n".join(report.to_know()))
        self._show_foreign(report)
        self._show_needs()

    def _show_text(self, label: QLabel, text: str) -> None:
        label.setText(text)
        for widget in (label, self._headings[label]):
            widget.setVisible(bool(text))

    def _show_foreign(self, report: ImportReport) -> None:
        """Each node that runs as an operator of torch, with the name of that."""
        self.foreign.clear()
        found = _overloads(self._document.root) if report.aten else iter(())
        for path, overload in found:
            item = QListWidgetItem(path)
            item.setData(_NODE, path)
            why = self.tr("No operator: calls {0}").format(overload.removesuffix(".default"))
            item.setData(SUMMARY, why)
            item.setToolTip(why)
            self.foreign.addItem(item)
            if self.foreign.count() >= MOST_LISTED:
                break
        rows = min(8, self.foreign.count())
        self.foreign.setFixedHeight(rows * max(18, self.foreign.sizeHintForRow(0)) + 8)
        for widget in (self.foreign, self._headings[self.foreign]):
            widget.setVisible(rows > 0)

    def _show_needs(self) -> None:
        """Say what training lacks and what the button adds."""
        if self._document.origin.report is None:
            return
        loss, fed = needed_loss(self._document), waiting(self._document.root)
        if len(fed) > 1:
            self.add.hide()
            text = self.tr("Data go into one input. Give the others values in the inspector: {0}.")
            self._show_text(self.needs, text.format(", ".join(fed[1:])))
            return
        self.add.setVisible(loss is not None and loss.fits)
        text = ""
        if loss is not None and loss.fits:
            data = with_data(self._document.root.copy()).training.dataset
            text = self.tr("It has no loss yet. {0} fits its output, {1} its input.").format(
                str(loss), datasets.describe(data).title
            )
        elif loss is not None:
            text = self.tr("It has no loss yet, and no usual one fits the shape of its output.")
        self._show_text(self.needs, text)

    # -- what is done -------------------------------------------------------------------------

    def _choose(self, item: QListWidgetItem) -> None:
        """Select the node, or the composite that it lies in."""
        self._document.leave(0)
        self.node_chosen.emit([item.data(_NODE).split("/")[0]])

    def _add(self) -> None:
        try:
            add_needed(self._document)
        except GradscapeError as error:
            self._document.message.emit(str(error))


def _overloads(graph: Graph) -> Iterator[tuple[str, str]]:
    """Path and overload of every node that calls one of torch's operators, in order."""
    stack = [("", graph)]
    while stack:
        prefix, inner = stack.pop()
        for node in inner:
            if node.subgraph is not None:
                stack.append((f"{prefix}{node.name}/", node.subgraph))
            elif overload := node.attributes.get("overload"):
                yield f"{prefix}{node.name}", str(overload)
