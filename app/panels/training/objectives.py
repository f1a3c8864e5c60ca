"""The dialog of a graph's losses: what each minimises, what it trains, and how."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QWidget,
)

from app.widgets.layouts import in_column, in_row
from app.widgets.scroller import resize_within
from graphcore.errors import GradscapeError
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import Objective
from graphcore.training import optimizers

LOSS, NODES, OPTIMIZER, RATE = range(4)


class ObjectivesDialog(QDialog):
    """A row per loss; no row means that one loss trains everything.

    Attributes:
        objectives: what was chosen, once the dialog is accepted.
    """

    def __init__(
        self, graph: Graph, objectives: tuple[Objective, ...], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Several losses"))
        resize_within(self, 680, 320)
        self._graph, self.objectives = graph, objectives
        words = QLabel(self.tr(
            "Each loss is backpropagated in turn and changes the parameters of its own nodes. "
            "Leave the nodes empty for all that no other loss names."
        ))  # fmt: skip
        words.setWordWrap(True)
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(
            [self.tr("Loss"), self.tr("Trains"), self.tr("Optimiser"), self.tr("Learning rate")]
        )
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(NODES, QHeaderView.ResizeMode.Stretch)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self._lay_out(words)
        for objective in objectives:
            self._add(objective)

    def _lay_out(self, words: QLabel) -> None:
        add, remove = QPushButton(self.tr("Add a loss")), QPushButton(self.tr("Remove"))
        add.clicked.connect(lambda: self._add(Objective(loss="")))
        remove.clicked.connect(lambda: self.table.removeRow(self.table.currentRow()))
        row = in_row(add, remove, 1)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        in_column(words, (self.table, 1), row, self.said, buttons, on=self)

    def _add(self, objective: Objective) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        loss, rule = QComboBox(), QComboBox()
        loss.addItems([n.name for n in self._graph if not self._graph.edges_from(n)])
        loss.setEditable(True)
        loss.setEditText(objective.loss or loss.itemText(0))
        rule.addItems([self.tr("the run's"), *optimizers.names()])
        rule.setCurrentText(objective.optimizer or self.tr("the run's"))
        nodes, rate = QLineEdit(", ".join(objective.nodes)), QLineEdit()
        nodes.setPlaceholderText(self.tr("all others"))
        rate.setPlaceholderText(self.tr("the run's"))
        rate.setText("" if objective.lr is None else f"{objective.lr:g}")
        names = (self.tr("Loss"), self.tr("Trains"), self.tr("Optimiser"), self.tr("Rate"))
        for place, (widget, name) in enumerate(zip((loss, nodes, rule, rate), names, strict=True)):
            widget.setAccessibleName(name)
            self.table.setCellWidget(row, place, widget)
        self.table.setCurrentCell(row, NODES)
        self.table.resizeColumnToContents(LOSS)

    def accept(self) -> None:
        """Close if every row can be used, else say why not."""
        try:
            self.objectives = tuple(self._row(i) for i in range(self.table.rowCount()))
        except (GradscapeError, ValueError) as error:
            self.said.setText(str(error))
            return
        super().accept()

    def _row(self, row: int) -> Objective:
        """One row; raises GraphError or ValueError, each with a sentence."""
        cells = [self.table.cellWidget(row, i) for i in range(4)]
        loss, nodes, rule, rate = cells
        assert isinstance(loss, QComboBox)
        assert isinstance(rule, QComboBox)
        assert isinstance(nodes, QLineEdit)
        assert isinstance(rate, QLineEdit)
        names = tuple(n.strip() for n in nodes.text().split(",") if n.strip())
        for name in (loss.currentText().strip(), *names):
            self._graph.at(name)
        lr = None
        if rate.text().strip():
            try:
                lr = float(rate.text())
            except ValueError:
                raise ValueError(self.tr("{0} is no learning rate.").format(rate.text())) from None
            if not 0 <= lr < float("inf"):
                raise ValueError(self.tr("A learning rate is 0 or more and finite."))
        chosen = rule.currentText() if rule.currentIndex() > 0 else ""
        key = loss.currentText(), chosen
        same = next((o for o in self.objectives if (o.loss, o.optimizer) == key), None)
        return Objective(
            loss=loss.currentText().strip(), nodes=names, optimizer=chosen, lr=lr,
            optimizer_options=same.optimizer_options if same else {},
        )  # fmt: skip

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return in a field does not close the dialog."""
        if event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
