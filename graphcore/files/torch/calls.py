"""Calls layers, modules, and the functions of a source."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphcore import ops
from graphcore.files.torch import signatures
from graphcore.files.torch.objects import MOST_CALLS
from graphcore.files.torch.statements import Returned
from graphcore.files.torch.values import (
    Chain,
    External,
    Layer,
    Method,
    Own,
    State,
    Value,
    Written,
    described,
    refuse,
    source,
)

if TYPE_CHECKING:
    from graphcore.files.torch.reader import Reader


@dataclass
class Frame:
    """The names inside one call."""

    names: dict[str, Value]
    cls: ast.ClassDef | None = None
    own: Value = None


class Calls:
    """Calls whatever can be called; goes through the functions that the source defines."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._helpers = _helpers()

    def call(
        self, function: Value, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """Call a value: a layer, a module, a function or a class."""
        if isinstance(function, Layer):
            return self._reader.nodes.layer(function, given, named, wished, where)
        if isinstance(function, Chain):
            return self.chained(function, given, named, where)
        if isinstance(function, Own):
            return self._forward(function, given, named, where)
        if isinstance(function, Written):
            return self._written(function.node, given, named, wished, where)
        if isinstance(function, Method):
            return self._reader.methods.call(function, given, named, wished, where)
        if isinstance(function, External):
            return self._reader.packages.call(function.path, given, named, wished, where)
        refuse(where, f"{source(where)}: {described(function)} cannot be called")

    def chained(
        self, chain: Chain, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Value:
        """Call the parts of an nn.Sequential one after the other."""
        if chain.kind != "Sequential" or len(given) != 1 or named:
            refuse(where, f"{source(where)} is not understood")
        value = given[0]
        for part in chain.parts.values():
            value = self.call(part, [value], {}, "", where)
        return value

    def _forward(
        self, own: Own, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Value:
        forward = self._reader.objects.written_method(own, "forward", where)
        if forward is not None:
            return self._reader.methods.call(forward, given, named, "", where)
        if own.chain is None:
            refuse(where, f"{source(where)}: {own.cls.name} has no forward")
        return self.chained(own.chain, given, named, where)

    def _written(
        self, node: ast.FunctionDef | ast.ClassDef, given: Sequence[Value],
        named: Mapping[str, Value], wished: str, where: ast.AST,
    ) -> Value:  # fmt: skip
        """A function or class of the source; the helpers of exported scripts are known."""
        if self._helpers.get(node.name) == ast.dump(node):
            return self._helper(node.name, given, named, wished, where)
        if isinstance(node, ast.ClassDef):
            return self._reader.objects.made(node, given, named, where)
        if node.decorator_list:
            refuse(node, f"{source(node.decorator_list[0])} is not understood")
        return self.entered(node, None, None, given, named, where)

    def _helper(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Value:  # fmt: skip
        if name in ("like", "signs"):
            return given[0]
        if name == "last_state":
            y, state = given[0]
            return (y, *(s.tensors[0] for s in (state if isinstance(state, tuple) else (state,))))
        if name == "first_state":
            state = self._reader.nodes.tensor(given[0], where)
            return State((state,), given[2])
        if name in signatures.HELPERS:
            return self._reader.nodes.function(name, given, named, wished, where, helper=True)
        return self._reader.packages.layer(name, given, named, where)

    def entered(
        self, function: ast.FunctionDef, own: Value, cls: ast.ClassDef | None,
        given: Sequence[Value], named: Mapping[str, Value], where: ast.AST,
    ) -> Value:  # fmt: skip
        """Go through a function; returns what it returns."""
        if len(self._reader.frames) >= MOST_CALLS:
            refuse(where, f"{source(where)}: calls go too deep")
        names = self._arguments(function, given, named, where)
        self._reader.frames.append(Frame(names, cls, own))
        try:
            self._reader.statements.run(function.body)
        except Returned as returned:
            return returned.value
        finally:
            self._reader.frames.pop()
        return None

    def _arguments(
        self, function: ast.FunctionDef, given: Sequence[Value], named: Mapping[str, Value],
        where: ast.AST,
    ) -> dict[str, Value]:  # fmt: skip
        a = function.args
        if a.kwarg is not None:
            refuse(function, f"**{a.kwarg.arg} of {function.name} is not understood")
        names = [p.arg for p in (*a.posonlyargs, *a.args)]
        found: dict[str, Value] = dict(zip(names, given, strict=False))
        rest = list(given[len(names) :])
        if a.vararg is not None:
            found[a.vararg.arg] = tuple(rest)
        elif rest:
            refuse(where, f"{source(where)}: {function.name} takes {len(names)} arguments")
        known = {*names, *(p.arg for p in a.kwonlyargs)}
        for name, value in named.items():
            if name not in known or name in found:
                refuse(where, f"{source(where)}: {function.name} has no free argument {name}")
            found[name] = value
        # a default is worked out where the function is written
        self._reader.frames.append(Frame({}))
        for name, default in defaults(function).items():
            if name not in found:
                found[name] = self._reader.expressions.value(default)
        self._reader.frames.pop()
        missing = [n for n in known if n not in found]
        if missing:
            refuse(
                where, f"{function.name} takes {missing[0]}, whose value the source does not say"
            )
        return found


def defaults(function: ast.FunctionDef) -> dict[str, ast.expr]:
    """Arguments that a function has a value for."""
    a = function.args
    names = [p.arg for p in (*a.posonlyargs, *a.args)]
    last = names[len(names) - len(a.defaults) :]
    found = dict(zip(last, a.defaults, strict=True))
    keywords = zip(a.kwonlyargs, a.kw_defaults, strict=True)
    return {**found, **{p.arg: d for p, d in keywords if d is not None}}


def _helpers() -> dict[str, str]:
    """Functions and classes that exported scripts bring along, as they are written."""
    found: dict[str, str] = {}
    for name in ops.names():
        for node in ast.parse(ops.get(name).torch_code.helper).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[node.name] = ast.dump(node)
    return found
