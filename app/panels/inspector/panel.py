"""The inspector: everything about the selected nodes, or about the whole graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from app.panels.inspector.graph_page import GraphPage
from app.panels.inspector.node_page import NodePage
from app.panels.panel import Panel
from app.panels.weights.panel import WeightsTable
from app.widgets.layouts import in_column
from graphcore.graph.elements import Node


class InspectorPanel(Panel):
    """Shows a page for the selection; rebuilt when the selection or its operators change."""

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__(document, engine)
        self._names: list[str] = []
        self._page: NodePage | GraphPage | None = None
        self._built_for: tuple[Any, ...] = ()
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        in_column(self._scroll, on=self, margins=0)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(0)
        self._late.timeout.connect(self.refresh)
        document.changed.connect(self._on_change)
        document.shapes_changed.connect(self._request)
        document.level_changed.connect(self.forget)
        self.refresh()

    @property
    def page(self) -> NodePage | GraphPage:
        """The page that is shown."""
        assert self._page is not None
        return self._page

    @property
    def first_field(self) -> QWidget:
        """The first attribute, or the name of a node that has none."""
        return self.page.first_field

    def show_selection(self, names: Sequence[str]) -> None:
        """Show these nodes; none means the whole graph."""
        self._names = list(names)
        self.refresh()

    def _on_change(self, change: Any) -> None:
        if change.kind == "node_renamed":
            self._names = [change.name if n == change.old else n for n in self._names]
        self._late.start()

    def _request(self, _names: Any = None) -> None:
        self._late.start()

    def forget(self) -> None:
        self.show_selection([])

    def _node_page(self, nodes: list[Node]) -> NodePage:
        page = NodePage(self._document, nodes)
        page.numbers_wanted.connect(self.show_numbers)
        return page

    def show_numbers(self, parameter: str) -> None:
        """Open the table of a parameter's numbers."""
        if self._engine is not None:
            WeightsTable(self._document, self._engine, parameter, self.window()).show()

    def refresh(self) -> None:
        """Bring the page up to date, and make another where the form no longer fits."""
        graph = self._document.graph
        self._names = [n for n in self._names if n in graph]
        nodes = [graph.node(n) for n in self._names]
        key = (id(graph), *((n.name, n.operator, n.parameter_inputs) for n in nodes))
        if self._page is None or key != self._built_for:
            self._built_for = key
            page: NodePage | GraphPage
            page = self._node_page(nodes) if nodes else GraphPage(self._document, self._engine)
            self._page = page
            self._scroll.setWidget(page)
        self._page.refresh()
