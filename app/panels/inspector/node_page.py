"""The inspector's page for one selected node or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.document import facts
from app.panels.inspector.attribute_form import AttributeForm
from app.panels.inspector.operator_help import OperatorHelp
from app.panels.inspector.parameter_form import ParameterForm
from app.style import icons
from app.widgets.section import Facts, section, text_label
from graphcore.dims import format_shape
from graphcore.errors import GradscapeError
from graphcore.graph.counts import counts
from graphcore.graph.elements import Node


class NodePage(QWidget):
    """Name, problem, attributes, parameters, facts and help of the nodes.

    ``refresh`` shows the nodes as they are now; the nodes and their operators stay the same.

    Signals:
        numbers_wanted: name of a parameter that one wants to see as a table.
    """

    numbers_wanted = Signal(str)

    def __init__(self, document: Any, nodes: Sequence[Node]) -> None:
        super().__init__()
        self._document = document
        self.nodes = list(nodes)
        self.operators = list(dict.fromkeys(n.operator for n in nodes))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 10, 12, 12)
        self._column.setSpacing(16)
        self._add_header()
        self._add_problem()
        self._add_attributes()
        self._add_parameters()
        self._add_facts()
        if len(self.operators) == 1:
            self._column.addWidget(OperatorHelp(nodes[0].op))
        self._column.addStretch(1)

    @property
    def first_field(self) -> QWidget:
        """The first attribute, or the name of a node that has none."""
        editors = list(self.attributes.editors.values())
        return editors[0].widget if editors else self.name

    # -- parts --------------------------------------------------------------------------------

    def _add_header(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        icon = QLabel()
        icon.setPixmap(icons.category_icon(self.nodes[0].op.category).pixmap(20, 20))
        self.name = QLineEdit()
        self.name.setAccessibleName(self.tr("Name"))
        font = QFont(self.name.font())
        font.setPointSizeF(font.pointSizeF() * 1.15)
        font.setWeight(QFont.Weight.DemiBold)
        self.name.setFont(font)
        self.name.setReadOnly(len(self.nodes) > 1)
        self.name.editingFinished.connect(self._rename)
        row.addWidget(icon)
        row.addWidget(self.name, 1)
        op = self.nodes[0].op
        single = len(self.operators) == 1
        text = f"{op.name} · {op.category}" if single else ", ".join(self.operators)
        self._column.addLayout(row)
        self._column.addWidget(text_label(text, dim=True))
        self._column.setSpacing(14)

    def _add_problem(self) -> None:
        self.problem = QFrame()
        self.problem.setObjectName("problem")
        self.problem.setFrameShape(QFrame.Shape.StyledPanel)
        column = QVBoxLayout(self.problem)
        column.setContentsMargins(10, 8, 10, 8)
        top = QHBoxLayout()
        icon = QLabel()
        icon.setPixmap(icons.icon("problem").pixmap(16, 16))
        icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.problem_text = text_label()
        top.addWidget(icon)
        top.addWidget(self.problem_text, 1)
        self.fix = QPushButton()
        self.fix.clicked.connect(self._fix)
        column.addLayout(top)
        column.addWidget(self.fix, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self.problem)

    def _add_attributes(self) -> None:
        """The attributes that all the operators have alike."""
        shared = [
            a
            for a in self.nodes[0].op.attrs
            if all(a in n.op.attrs for n in self.nodes)
        ]  # fmt: skip
        what = self.operators[0]
        self.attributes = AttributeForm(shared, what, self._set_attribute, self._refuse)
        if shared:
            self._column.addWidget(section(self.tr("Attributes"), self.attributes))

    def _add_parameters(self) -> None:
        first = self.nodes[0].parameter_inputs
        shared = [p for p in first if all(p in n.parameter_inputs for n in self.nodes)]
        self.parameters = ParameterForm(shared)
        self.parameters.initializer_chosen.connect(self._set_initializer)
        self.parameters.freeze_chosen.connect(self._set_frozen)
        self.parameters.refused.connect(self._refuse)
        self.parameters.numbers_wanted.connect(self._want_numbers)
        if shared:
            self._column.addWidget(section(self.tr("Parameters"), self.parameters))

    def _add_facts(self) -> None:
        self.facts = Facts(
            [
                self.tr("Output"), self.tr("Parameters"), self.tr("Multiply-adds"),
                self.tr("Memory"),
            ]
        )  # fmt: skip
        self.numbers = section(self.tr("Numbers"), self.facts)
        self._column.addWidget(self.numbers)

    # -- showing ------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show everything as it is now."""
        shapes = self._document.shapes
        one = self.nodes[0] if len(self.nodes) == 1 else None
        if not self.name.hasFocus():
            self.name.setText(one.name if one else self.tr("{0} nodes").format(len(self.nodes)))
        self.attributes.show_values([n.attributes for n in self.nodes])
        hidden = self._document.sizes_hidden
        known = [{} if hidden else shapes.parameter_shapes(n) for n in self.nodes]
        self.parameters.show_nodes(
            self.nodes, lambda p: known[0].get(p) if all(k == known[0] for k in known) else None
        )
        self.numbers.setVisible(not hidden)
        self._show_problem()
        self._show_facts()

    def _show_problem(self) -> None:
        found = [p for n in self.nodes if (p := self._document.shapes.problem(n)) is not None]
        self.problem.setVisible(bool(found))
        if found:
            self.problem_text.setText("\n".join(p.message for p in found))
            fix = found[0].fix
            self.fix.setVisible(fix is not None)
            self.fix.setText(fix.label if fix is not None else "")

    def _show_facts(self) -> None:
        shapes, nodes = self._document.shapes, self.nodes
        outputs = {format_shape(shapes.shape(n)) for n in nodes}
        found = counts(self._document.graph, shapes, nodes)
        work = facts.total(facts.multiply_adds(shapes, n) for n in nodes)
        memory = facts.bytes_text((found.values + found.parameters) * facts.BYTES_PER_NUMBER)
        self.facts.show_values(
            {
                self.tr("Output"): outputs.pop() if len(outputs) == 1 else self.tr("various"),
                self.tr("Parameters"): f"{found.parameters:,}",
                self.tr("Multiply-adds"): self.tr("{0} per sample").format(f"{work:,}"),
                self.tr("Memory"): self.tr("{0} for one sample").format(memory),
            }
        )

    # -- changing -----------------------------------------------------------------------------

    def _rename(self) -> None:
        node, name = self.nodes[0], self.name.text().strip()
        if len(self.nodes) == 1 and name != node.name:
            self._try(lambda: self._document.rename(node.name, name))
            self.name.setText(node.name)

    def _set_attribute(self, attribute: str, value: Any) -> None:
        names = [n.name for n in self.nodes]
        self._try(lambda: self._document.set_attributes(names, **{attribute: value}))

    def _want_numbers(self, parameter: str) -> None:
        node = self.nodes[0]
        prefix = self._document.prefix
        exposed = node.operator == "Parameter"
        name = node.name if exposed else f"{node.name}.{parameter}"
        self.numbers_wanted.emit(prefix + name)

    def _set_initializer(self, parameter: str, text: str) -> None:
        self._each(
            self.tr("Initialise {0}").format(parameter),
            lambda name: self._document.set_initializer(name, parameter, text or None),
        )

    def _set_frozen(self, parameter: str, frozen: bool) -> None:
        title = self.tr("Freeze {0}") if frozen else self.tr("Unfreeze {0}")
        self._each(
            title.format(parameter),
            lambda name: self._document.set_frozen(name, parameter, frozen),
        )

    def _each(self, title: str, change: Callable[[str], Any]) -> None:
        """The same change to every node, as one undo step."""
        if len(self.nodes) == 1:
            self._try(lambda: change(self.nodes[0].name))
            return

        def change_all() -> None:
            with self._document.macro(title):
                for node in self.nodes:
                    change(node.name)

        self._try(change_all)

    def _fix(self) -> None:
        guilty = [n.name for n in self.nodes if self._document.shapes.problem(n) is not None]
        if guilty:
            self._try(lambda: self._document.apply_fix(guilty[0]))

    def _try(self, act: Callable[[], Any]) -> None:
        """Do it, or say why not and show what still holds."""
        try:
            act()
        except GradscapeError as error:
            self._refuse(str(error))
            self.refresh()

    def _refuse(self, sentence: str) -> None:
        self._document.message.emit(sentence)
