"""Goes through a PyTorch source as Python would, with nodes in place of tensors.

Nothing of the source is ever run: plain values are worked out here, within bounds, and whatever
is not understood is refused with its line.
"""

from __future__ import annotations

import ast

from graphcore.files.torch import signatures
from graphcore.files.torch.calls import Calls, Frame
from graphcore.files.torch.expressions import Expressions
from graphcore.files.torch.methods import Methods
from graphcore.files.torch.nodes import Nodes
from graphcore.files.torch.objects import Objects
from graphcore.files.torch.packages import Packages
from graphcore.files.torch.statements import Statements
from graphcore.files.torch.values import External, Unusable, Value, Written, refuse, source

MOST_STEPS = 200_000
"""Bound on the statements and expressions that are gone through."""


class Reader:
    """What is known while one source is read, and the parts that read it.

    Attributes:
        nodes: what is built.
        names: what the names outside all functions stand for.
        classes: the classes of the source by name.
        frames: the names inside each call, the innermost last.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.nodes = Nodes()
        self.names: dict[str, Value] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.frames: list[Frame] = []
        self._steps = 0
        self.expressions = Expressions(self)
        self.statements = Statements(self, self.expressions)
        self.objects = Objects(self)
        self.calls = Calls(self)
        self.methods = Methods(self)
        self.packages = Packages(self)
        for statement in tree.body:
            self._read_global(statement)
        self.frames.append(Frame({}))

    def _read_global(self, statement: ast.stmt) -> None:
        """Note what a line outside all functions defines; what is not understood is not used."""
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self.import_names(statement)
        elif isinstance(statement, ast.ClassDef | ast.FunctionDef):
            self.names[statement.name] = Written(statement)
            if isinstance(statement, ast.ClassDef):
                self.classes[statement.name] = statement
        elif isinstance(statement, ast.Assign):
            self._assign_global(statement)

    def _assign_global(self, statement: ast.Assign) -> None:
        for target in statement.targets:
            if isinstance(target, ast.Name):
                try:
                    self.names[target.id] = signatures.literal(statement.value)
                except ValueError:
                    self.names[target.id] = Unusable(
                        f"{target.id} is made by {source(statement.value)}, which is not understood"
                    )
            elif isinstance(target, ast.Attribute) and source(target.value) in self.classes:
                refuse(target, f"{source(target)} is changed outside its class")

    def import_names(self, statement: ast.Import | ast.ImportFrom) -> None:
        """Note the names that an import brings, in the frame on top or outside all functions."""
        scope = self.frames[-1].names if self.frames else self.names
        for alias in statement.names:
            if isinstance(statement, ast.ImportFrom):
                scope[alias.asname or alias.name] = External(f"{statement.module}.{alias.name}")
            elif alias.asname:
                scope[alias.asname] = External(alias.name)
            else:
                top = alias.name.split(".")[0]
                scope[top] = External(top)

    def count(self, where: ast.AST) -> None:
        """Count one more statement or expression; too many are refused."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            refuse(where, "the source takes too long to go through")
