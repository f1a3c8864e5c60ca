"""The classes of a source, and the attributes of what is made of them."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from graphcore import ops
from graphcore.files.torch.values import (
    TRAINING,
    Chain,
    External,
    Held,
    Layer,
    Method,
    Own,
    ParameterOf,
    Shape,
    Tensor,
    Value,
    Written,
    held_by,
    refuse,
    source,
)
from graphcore.late import torch

if TYPE_CHECKING:
    from graphcore.files.torch.reader import Reader

MOST_CALLS = 40
"""Bound on how deep the calls and the classes of a source may go."""
_NEUTRAL_DECORATORS = ("dataclass", "dataclasses.dataclass")


class Objects:
    """Makes objects of a source's classes, and finds what attributes stand for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def attribute(self, owner: Value, name: str, where: ast.AST) -> Value:
        """An attribute of a value."""
        if isinstance(owner, External):
            path = f"{owner.path}.{name}"
            return math.pi if path == "math.pi" else External(path)
        if isinstance(owner, Own):
            return self._of_own(owner, name, where)
        if isinstance(owner, Tensor) and name == "shape":
            return Shape(owner)
        if isinstance(owner, Layer) and name in parameters(owner):
            return ParameterOf(owner, name)
        if isinstance(owner, Written) and isinstance(owner.node, ast.ClassDef):
            return self._of_class(owner.node, name, where)
        return Method(owner, name)

    def _of_own(self, owner: Own, name: str, where: ast.AST) -> Value:
        if name in owner.attributes:
            return owner.attributes[name]
        if name == "training":
            return TRAINING
        if (written := self.written_method(owner, name, where)) is not None:
            return written
        for cls in self.line_of(owner.cls, where):
            if (said := _class_value(cls, name)) is not None:
                return self._reader.expressions.value(said)
        if owner.chain is not None and name in owner.chain.parts:
            return owner.chain.parts[name]
        if not any(hasattr(getattr(torch.nn, kind), name) for kind in ("Module", "ModuleList")):
            refuse(where, f"{source(where)} is not made in __init__")
        return Method(owner, name)

    def written_method(self, owner: Own, name: str, where: ast.AST) -> Method | None:
        """A method that the class of an object, or one that it derives from, defines."""
        for cls in self.line_of(owner.cls, where):
            for statement in cls.body:
                if isinstance(statement, ast.FunctionDef) and statement.name == name:
                    if statement.decorator_list:
                        refuse(
                            statement, f"{source(statement.decorator_list[0])} is not understood"
                        )
                    return Method(owner, name, statement, cls)
        return None

    def _of_class(self, cls: ast.ClassDef, name: str, where: ast.AST) -> Value:
        found = _class_value(cls, name)
        if found is None:
            refuse(where, f"{source(where)} is not understood")
        return self._reader.expressions.value(found)

    def line_of(self, cls: ast.ClassDef, where: ast.AST) -> list[ast.ClassDef]:
        """A class of the source and those it derives from, as far as the source defines them."""
        found = [cls]
        while True:
            bases = found[-1].bases
            if len(bases) > 1 or len(found) > MOST_CALLS:
                refuse(found[-1], f"{found[-1].name} derives from several classes")
            base = self._reader.expressions.value(bases[0]) if bases else None
            if not isinstance(base, Written) or not isinstance(base.node, ast.ClassDef):
                return found
            found.append(base.node)

    def root_of(self, cls: ast.ClassDef, where: ast.AST) -> str:
        """The class of another package that a class derives from; empty if there is none."""
        last = self.line_of(cls, where)[-1]
        base = self._reader.expressions.value(last.bases[0]) if last.bases else None
        return base.path if isinstance(base, External) else ""

    def made(
        self, cls: ast.ClassDef, given: Sequence[Value], named: Mapping[str, Value],
        where: ast.AST,
    ) -> Own:  # fmt: skip
        """An object of a class of the source."""
        decorators = [source(d).split("(")[0] for d in cls.decorator_list]
        if any(d not in _NEUTRAL_DECORATORS for d in decorators) or cls.keywords:
            refuse(cls, f"class {cls.name}: its decorator is not understood")
        own = Own(cls)
        if decorators:
            own.attributes.update(self._record(cls, given, named, where))
            return own
        root = self.root_of(cls, where)
        kind = root.removeprefix("torch.nn.")
        if kind in ("Sequential", "ModuleList", "ModuleDict"):
            own.chain = Chain(kind)
        elif root and root not in ("torch.nn.Module", "builtins.object"):
            refuse(cls, f"class {cls.name} derives from {root}, which is not understood")
        for one in self.line_of(cls, where):
            for statement in one.body:
                if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                    self._reader.calls.entered(statement, own, one, [own, *given], named, where)
                    return own
        if own.chain is not None:
            own.chain = self._reader.packages.chain(kind, given, named, where)
        elif given or named:
            refuse(where, f"{source(where)}: {cls.name} takes no arguments")
        return own

    def _record(
        self, cls: ast.ClassDef, given: Sequence[Value], named: Mapping[str, Value],
        where: ast.AST,
    ) -> dict[str, Value]:  # fmt: skip
        """The fields of a dataclass."""
        fields = [s for s in cls.body if isinstance(s, ast.AnnAssign)]
        names = [source(s.target) for s in fields]
        found = {**dict(zip(names, given, strict=False)), **named}
        for name, statement in zip(names, fields, strict=True):
            if name not in found:
                if statement.value is None:
                    refuse(where, f"{cls.name} takes {name}, whose value the source does not say")
                found[name] = self._reader.expressions.value(statement.value)
        return found

    def parent(self, e: ast.Call) -> Value:
        """Return what ``super()`` stands for."""
        frame = self._reader.frames[-1]
        if frame.cls is None or (e.args and source(e.args[0]) != frame.cls.name):
            refuse(e, f"{source(e)} is not understood")
        return Method(frame.own, "super", None, frame.cls)


def _class_value(cls: ast.ClassDef, name: str) -> ast.expr | None:
    """What a class says its attribute is."""
    for statement in cls.body:
        if isinstance(statement, ast.Assign) and source(statement.targets[0]) == name:
            return statement.value
        if isinstance(statement, ast.AnnAssign) and source(statement.target) == name:
            return statement.value
    return None


def our_name(operator_name: str, parameter: str) -> str:
    """Our name of a layer's parameter."""
    theirs = {v: k for k, v in ops.get(operator_name).torch_code.names.items()}
    return theirs.get(parameter, parameter)


def parameters(layer: Layer) -> list[str]:
    """Names of a layer's parameters in torch."""
    op = ops.get(layer.operator)
    known = op.parameter_names(layer.attributes)
    return [op.torch_code.names.get(name, name) for name in known]


def all_parameters(module: Value) -> list[Value]:
    """Return every parameter inside a module."""
    inside = [(".", module)] if isinstance(module, Layer) else held_by(module)
    found: list[Value] = []
    for _, part in inside:
        if isinstance(part, Layer):
            found += [ParameterOf(part, name) for name in parameters(part)]
        elif isinstance(part, Held) and part.trained:
            found.append(part)
    return found
