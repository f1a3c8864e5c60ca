"""Goes through the statements of a source."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphcore import ops
from graphcore.files.torch.arithmetic import guarded
from graphcore.files.torch.objects import our_name, parameters
from graphcore.files.torch.values import (
    Chain,
    Held,
    Layer,
    Length,
    Own,
    ParameterOf,
    Shape,
    Tensor,
    Value,
    described,
    held_by,
    refuse,
    source,
)

if TYPE_CHECKING:
    from graphcore.files.torch.expressions import Expressions
    from graphcore.files.torch.reader import Reader


@dataclass
class Returned(Exception):  # noqa: N818 - it is no error
    """What ends a function."""

    value: Value = None


class Statements:
    """Runs statements in the frame on top, and assigns what they say."""

    def __init__(self, reader: Reader, expressions: Expressions) -> None:
        self._reader, self._expressions = reader, expressions

    def run(self, body: Sequence[ast.stmt]) -> None:
        """Go through statements, in the frame on top."""
        for statement in body:
            self._reader.count(statement)
            kind = type(statement).__name__.lower()
            act = getattr(self, f"_do_{kind}", None)
            if act is None:
                refuse(statement, f"{kind} is not understood")
            act(statement)

    def _do_pass(self, statement: ast.Pass) -> None:
        """Nothing happens."""

    def _do_assert(self, statement: ast.Assert) -> None:
        """A net that is right passes it."""
        if any(isinstance(e, ast.NamedExpr) for e in ast.walk(statement)):
            refuse(statement, f"{source(statement)} is not understood")

    def _do_import(self, statement: ast.Import) -> None:
        self._reader.import_names(statement)

    def _do_importfrom(self, statement: ast.ImportFrom) -> None:
        self._reader.import_names(statement)

    def _do_expr(self, statement: ast.Expr) -> None:
        if not isinstance(statement.value, ast.Constant):
            self._expressions.value(statement.value)

    def _do_return(self, statement: ast.Return) -> None:
        raise Returned(
            self._expressions.value(statement.value) if statement.value is not None else None
        )

    def _do_assign(self, statement: ast.Assign) -> None:
        first = statement.targets[0]
        while isinstance(first, ast.Tuple | ast.List) and first.elts:
            first = first.elts[0]
        value = self._expressions.value(
            statement.value, first.id if isinstance(first, ast.Name) else ""
        )
        for target in statement.targets:
            self.assign(target, value)

    def _do_annassign(self, statement: ast.AnnAssign) -> None:
        if statement.value is not None:
            name = statement.target.id if isinstance(statement.target, ast.Name) else ""
            self.assign(statement.target, self._expressions.value(statement.value, name))

    def _do_augassign(self, statement: ast.AugAssign) -> None:
        old = self._expressions.value(statement.target)
        by = self._expressions.value(statement.value)
        if isinstance(old, list) and isinstance(by, list | tuple):
            old.extend(by)
            return
        result = self._expressions.calculated(statement, statement.op, old, by, "")
        if isinstance(old, Tensor) and isinstance(result, Tensor):
            result = self._reader.nodes.changed_in_place(old, result, statement)
        self.assign(statement.target, result)

    def _do_if(self, statement: ast.If) -> None:
        self.run(statement.body if self._expressions.truth(statement.test) else statement.orelse)

    def _do_for(self, statement: ast.For) -> None:
        if statement.orelse:
            refuse(statement, "for with else is not understood")
        for value in self._expressions.each(statement.iter):
            self.assign(statement.target, value)
            self.run(statement.body)

    def assign(self, target: ast.expr, value: Value) -> None:
        """Give a value to a name, to several, to an attribute or to a part."""
        if isinstance(target, ast.Name):
            self._reader.frames[-1].names[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value)
        elif isinstance(target, ast.Attribute):
            self._set(target, self._expressions.value(target.value), target.attr, value)
        elif isinstance(target, ast.Subscript):
            holder = self._expressions.value(target.value)
            key = self._expressions.index(target.slice)
            if not isinstance(holder, dict | list):
                refuse(target, f"an assignment to a part of {described(holder)}")
            guarded(target, lambda: holder.__setitem__(key, value))
        else:
            refuse(target, f"an assignment to {source(target)}")

    def _unpack(self, target: ast.Tuple | ast.List, value: Value) -> None:
        count = len(target.elts)
        if isinstance(value, Shape):
            value = tuple(Length(value.tensor, i) for i in range(count))
        if isinstance(value, range):
            value = tuple(value)
        if any(isinstance(e, ast.Starred) for e in target.elts):
            refuse(target, f"an assignment to {source(target)}")
        if not isinstance(value, tuple | list) or len(value) != count:
            got = len(value) if isinstance(value, tuple | list) else described(value)
            refuse(target, f"{source(target)} stands for {count} values, but gets {got}")
        for part, one in zip(target.elts, value, strict=True):
            self.assign(part, one)

    def _set(self, where: ast.Attribute, owner: Value, name: str, value: Value) -> None:
        if isinstance(owner, Own):
            owner.attributes[name] = value
        elif isinstance(owner, Layer):
            self._tie(where, owner, name, value)
        elif name == "requires_grad" and isinstance(value, bool):
            self.freeze(where, owner, not value)
        else:
            refuse(where, f"an assignment to {source(where)}")

    def _tie(self, where: ast.AST, layer: Layer, name: str, value: Value) -> None:
        parameter = our_name(layer.operator, name)
        if not isinstance(value, Held) or parameter not in ops.get(layer.operator).initializers:
            refuse(where, f"{source(where)} becomes {described(value)}: only an nn.Parameter "
                   "of the module can be shared")  # fmt: skip
        layer.tied[parameter] = value

    def freeze(self, where: ast.AST, owner: Value, frozen: bool) -> None:
        """``requires_grad`` of a parameter, or of all in a module."""
        if isinstance(owner, Held):
            owner.frozen = frozen
        elif isinstance(owner, ParameterOf):
            parameter = our_name(owner.layer.operator, owner.name)
            change = owner.layer.frozen.add if frozen else owner.layer.frozen.discard
            change(parameter)
        elif isinstance(owner, Layer):
            for name in parameters(owner):
                self.freeze(where, ParameterOf(owner, name), frozen)
        elif isinstance(owner, Own | Chain):
            for _, part in held_by(owner):
                if isinstance(part, Layer | Held):
                    self.freeze(where, part, frozen)
        else:
            refuse(where, f"{source(where)} is not understood")
