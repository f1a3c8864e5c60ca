"""Formulas as text: ``J = 3*(a + b*c)`` becomes a graph of elementary nodes.

A formula is cut into its terms, each term is parsed with ``ast``, checked against a list of what
is allowed and translated to a postfix program; nothing is ever evaluated as Python. The cut lets
a sum have any number of terms: ``ast`` alone gives up at about 3,000.
"""

from __future__ import annotations

from collections import Counter

from graphcore.errors import ExpressionError
from graphcore.graph.elements import Edge, Node
from graphcore.graph.graph import Graph
from graphcore.ops import get
from graphcore.ops.formula import Identity
from graphcore.ops.formula_text import Step, _assignment, _program, _statements, _text


def parse_expression(text: str) -> Graph:
    """The graph of a formula.

    Numbers become Constant nodes and free names scalar Input nodes, one per name, with the values
    1, 2, 3, … so that the graph can be run at once. Several assignments are parted by ``;`` or
    line ends; each gives a node of that name, which later ones may use. A last formula without a
    name gives the node ``result``.

    Raises:
        ExpressionError: it is no formula; a name is taken twice; something is not allowed.
    """
    statements = [_assignment(tokens) for tokens in _statements(text)]
    if not statements:
        raise ExpressionError("The formula is empty; write for example J = 3*(a + b*c).")
    builder = _Builder()
    programs = []
    for i, (name, tokens) in enumerate(statements):
        if name is None and i < len(statements) - 1:
            raise ExpressionError(
                f"{_text(tokens)!r} needs a name: only the last formula may do without."
            )
        programs.append((name or "result", list(_program(tokens))))
    builder.reserve(programs)
    for name, program in programs:
        builder.assign(name, program)
    return Graph.build(builder.nodes, builder.edges)


# -- text to terms --------------------------------------------------------------------------------


# -- terms to a postfix program -------------------------------------------------------------------


# -- postfix program to graph ---------------------------------------------------------------------


class _Builder:
    """Nodes and edges of one graph, named so that no two names meet."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self._known: dict[str, str] = {}
        self._reserved: set[str] = set()
        self._count: Counter[str] = Counter()
        self._inputs = 0

    def reserve(self, programs: list[tuple[str, list[Step]]]) -> None:
        """Keep the names in the text for what the text means by them."""
        self._reserved = {s.text for _, program in programs for s in program if s.kind == "name"}
        self._reserved |= {name for name, _ in programs}

    def assign(self, name: str, program: list[Step]) -> None:
        """Add a formula, whose last node gets ``name``."""
        if any(s.kind == "name" and s.text == name for s in program) or name in self._known:
            raise ExpressionError(
                f"{name} would mean two things: give the result of the formula another name."
            )
        stack: list[str] = []
        last = len(program) - 1
        for i, step in enumerate(program):
            wanted = name if i == last else ""
            if step.kind == "name":
                stack.append(self._variable(step.text))
                if wanted:
                    stack.append(self._add(Identity.name, wanted, [stack.pop()]))
            elif step.kind == "number":
                stack.append(self._add("Constant", wanted, [], value=step.value))
            else:
                arity = len(get(step.text).inputs)
                stack[-arity:] = [self._add(step.text, wanted, stack[-arity:])]
        self._known[name] = name

    def _variable(self, name: str) -> str:
        if name not in self._known:
            self._inputs += 1
            self._add("Input", name, [], shape=(), batch=False, value=float(self._inputs))
            self._known[name] = name
        return name

    def _add(self, operator: str, name: str, sources: list[str], **attributes: object) -> str:
        op = get(operator)
        node = Node(name or self._free_name(operator), operator, op.complete(attributes))
        self.nodes.append(node)
        for source, input in zip(sources, op.inputs, strict=True):
            self.edges.append(Edge(source, "y", node.name, input))
        return node.name

    def _free_name(self, operator: str) -> str:
        base = operator.lower()
        while True:
            self._count[base] += 1
            number = self._count[base]
            name = base if number == 1 else f"{base}_{number}"
            if name not in self._reserved:
                return name
