"""Check me: gradients beside central finite differences, of the whole graph or of one part."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QPushButton, QWidget

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.stepper import words as walk_words
from app.widgets.layouts import in_row
from graphcore.views.stepper import CheckFrame, CheckRequest


class CheckBar(QWidget):
    """What is compared, with which step, and the button.

    Signals:
        told: result of the comparison in words, or that it is running.
        found: node -> (largest relative error, whether its gradients are right).
    """

    told = Signal(str)
    found = Signal(object)

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self.part = QComboBox()
        self.part.setAccessibleName(self.tr("What is compared"))
        self.part.setToolTip(
            self.tr("The whole graph, or of the selected node: its value, a parameter, an edge")
        )
        self.part.setMinimumContentsLength(14)
        self.part.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.difference = QComboBox()
        for power in range(2, 11):
            self.difference.addItem(f"h = 1e−{power}", 10.0**-power)
        self.difference.setCurrentIndex(4)
        self.difference.setAccessibleName(self.tr("Step of the finite differences"))
        self.difference.setToolTip(
            self.tr(
                "How far each number is moved: too large a step sees the curvature, too small a "
                "one is lost in rounding"
            )
        )
        self.button = QPushButton(self.tr("Check me"))
        self.button.setToolTip(
            self.tr("Compare gradients of this sample with central finite differences")
        )
        self.button.clicked.connect(self._check)
        in_row(self.part, self.difference, self.button, on=self, margins=0, spacing=4)
        engine.on(CheckFrame, self._on_checked)
        self.show_node("")

    def show_node(self, name: str) -> None:
        """Offer the parts of a node of the level that is shown; "" offers the whole graph alone."""
        chosen, graph, prefix = self.part.currentData(), self._document.graph, self._document.prefix
        self.part.clear()
        self.part.addItem(self.tr("the whole graph"), "")
        if name in graph:
            node = graph.node(name)
            self.part.addItem(self.tr("the value of {0}").format(name), prefix + name)
            for parameter in node.parameter_inputs:
                if graph.edge_into(name, parameter) is None:
                    path = f"{prefix}{name}.{parameter}"
                    self.part.addItem(f"{name}.{parameter}", path)
            for edge in (*graph.edges_into(name), *graph.edges_from(name)):
                if graph.node(edge.target).subgraph is None:
                    end = f"{edge.target}.{edge.input}"
                    self.part.addItem(
                        self.tr("edge {0} → {1}").format(edge.source, end),
                        f"{prefix}{edge.source} -> {prefix}{end}",
                    )
        self.part.setCurrentIndex(max(0, self.part.findData(chosen)))

    def _check(self) -> None:
        self.button.setEnabled(False)
        self.told.emit(self.tr("Comparing with finite differences …"))
        self._engine.ask(CheckRequest(self.difference.currentData(), self.part.currentData()))

    def _on_checked(self, frame: CheckFrame) -> None:
        self.button.setEnabled(True)
        if frame.problem:
            self.told.emit(frame.problem)
            return
        self.told.emit("\n".join(walk_words.comparison(frame)))
        self.found.emit(by_node(frame))


def by_node(frame: CheckFrame) -> dict[str, tuple[float, bool]]:
    """Largest error of each node, and whether it is right; none where that cannot be said."""
    errors: dict[str, tuple[float, bool]] = {}
    lost = set()
    for name, c in frame.checked.items():
        node = name.partition(" -> ")[0].partition(".")[0]
        if c.reason == "lost":
            lost.add(node)
        elif c.reason != "kink":  # beside a kink there is nothing to compare with
            error, right = errors.get(node, (0.0, True))
            errors[node] = max(error, c.error), right and c.reason != "wrong"
    return {n: e for n, e in errors.items() if n not in lost or not e[1]}
