"""The inspector's page while nothing is selected: totals and how the graph is trained."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.document import facts
from app.widgets.section import Facts, section, text_label, title
from graphcore.graph.binding import takes_data
from graphcore.graph.counts import counts
from graphcore.graph.shapes import training_bytes


class GraphPage(QWidget):
    """Totals of the graph and a summary of its training settings."""

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self._more = 0
        if engine is not None:
            engine.frame.connect(self._on_frame)
        self.first_field: QWidget = self
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(16)
        self.totals = Facts(
            [
                self.tr("Nodes"), self.tr("Edges"), self.tr("Parameters"), self.tr("Trained"),
                self.tr("Multiply-adds"), self.tr("Weights"), self.tr("Activations"),
            ]
        )  # fmt: skip
        self.training = Facts(
            [
                self.tr("Data set"), self.tr("Epochs"), self.tr("Batch"), self.tr("Optimiser"),
                self.tr("Learning rate"), self.tr("Schedule"), self.tr("Seed"), self.tr("Memory"),
            ]
        )  # fmt: skip
        hint = text_label(self.tr("Select a node to see and change its attributes."), dim=True)
        self.title = title(self.tr("Whole graph"))
        column.addWidget(self.title)
        column.addWidget(section(self.tr("Totals"), self.totals))
        self._training_part = section(self.tr("Training"), self.training)
        column.addWidget(self._training_part)
        column.addWidget(hint)
        column.addStretch(1)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)

    def refresh(self) -> None:
        """Show the numbers as they are now."""
        self._more = self._further(self._engine.last_frame if self._engine else None)
        graph, shapes = self._document.graph, self._document.shapes
        inside = self._document.levels[-1].name
        self.title.setText(
            self.tr("Inside {0}").format(inside) if inside else self.tr("Whole graph")
        )
        nodes = graph.nodes
        found = counts(graph, shapes)
        work = facts.total(facts.multiply_adds(shapes, n) for n in nodes)
        self.totals.show_values(
            {
                self.tr("Nodes"): self._nodes_text(len(nodes), found.nodes),
                self.tr("Edges"): f"{len(graph.edges):,}",
                self.tr("Parameters"): f"{found.parameters:,}",
                self.tr("Trained"): f"{found.parameters - found.frozen:,}",
                self.tr("Multiply-adds"): self.tr("{0} per sample").format(f"{work:,}"),
                self.tr("Weights"): facts.bytes_text(found.parameters * facts.BYTES_PER_NUMBER),
                self.tr("Activations"): self.tr("{0} per sample").format(
                    facts.bytes_text(found.values * facts.BYTES_PER_NUMBER)
                ),
            }
        )
        training, whole = self._document.root.training, self._document.levels[0].shapes
        self._training_part.setVisible(takes_data(self._document.root))
        self.training.show_values(
            {
                self.tr("Data set"): training.dataset,
                self.tr("Epochs"): self._epochs_text(training.epochs),
                self.tr("Batch"): f"{training.batch:,}",
                self.tr("Optimiser"): training.optimizer,
                self.tr("Learning rate"): f"{training.lr:g}",
                self.tr("Schedule"): training.schedule,
                self.tr("Seed"): str(training.seed),
                self.tr("Memory"): self.tr("about {0}").format(
                    facts.bytes_text(training_bytes(whole, training.batch, facts.BYTES_PER_NUMBER))
                ),
            }
        )

    def _on_frame(self, frame: Any) -> None:
        """A run that went on after its end has more epochs than are set."""
        before, self._more = self._more, self._further(frame)
        if before != self._more:
            self.refresh()

    def _further(self, frame: Any) -> int:
        return max(0, frame.epochs - self._document.root.training.epochs) if frame else 0

    def _epochs_text(self, epochs: int) -> str:
        if not self._more:
            return f"{epochs:,}"
        return self.tr("{0} + {1} more").format(f"{epochs:,}", f"{self._more:,}")

    def _nodes_text(self, shown: int, all_nodes: int) -> str:
        if shown == all_nodes:
            return f"{shown:,}"
        return self.tr("{0} ({1} in all)").format(f"{shown:,}", f"{all_nodes:,}")
