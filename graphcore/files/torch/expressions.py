"""Finds what the expressions of a source stand for."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphcore.files.torch import recurrent
from graphcore.files.torch.arithmetic import (
    COMPARISONS,
    MOST_PARTS,
    OPERATORS,
    check_size,
    guarded,
    plain,
)
from graphcore.files.torch.packages import BUILTINS
from graphcore.files.torch.values import (
    CAUSAL_MASK,
    Chain,
    External,
    Held,
    Layer,
    Length,
    Own,
    Shape,
    State,
    Tensor,
    Unusable,
    Value,
    described,
    refuse,
    source,
)

if TYPE_CHECKING:
    from graphcore.files.torch.reader import Reader

_ALIASES = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional", "math": "math"}
"""What names are taken for that a source does not import."""


class Expressions:
    """Works expressions out, with nodes for what needs the net's numbers."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def value(self, e: ast.expr, wished: str = "") -> Value:
        """What an expression stands for; nodes are added for what it computes.

        Args:
            wished: name of the node that comes of it.
        """
        self._reader.count(e)
        kind = type(e).__name__.lower()
        act = getattr(self, f"_of_{kind}", None)
        if act is None:
            refuse(e, f"{source(e)} is not understood")
        if kind in ("call", "binop", "unaryop", "subscript"):
            return act(e, wished)
        return act(e)

    def _of_constant(self, e: ast.Constant) -> Value:
        return e.value

    def _of_name(self, e: ast.Name) -> Value:
        for names in ([self._reader.frames[-1].names] if self._reader.frames else []) + [
            self._reader.names
        ]:
            if e.id in names:
                found = names[e.id]
                if isinstance(found, Unusable) and names is self._reader.names:
                    refuse(e, found.why)
                return found
        if e.id in BUILTINS or e.id in ("print", "object"):
            return External(f"builtins.{e.id}")
        if e.id in _ALIASES:
            return External(_ALIASES[e.id])
        refuse(e, f"{e.id} is not known here")

    def _of_tuple(self, e: ast.Tuple) -> Value:
        return tuple(self.elements(e.elts))

    def _of_list(self, e: ast.List) -> Value:
        return self.elements(e.elts)

    def elements(self, elements: Sequence[ast.expr]) -> list[Value]:
        """Return the values of a list's elements; a starred one gives all its own."""
        found: list[Value] = []
        for element in elements:
            if isinstance(element, ast.Starred):
                found.extend(self.each(element.value))
            else:
                found.append(self.value(element))
        return found

    def _of_dict(self, e: ast.Dict) -> Value:
        if None in e.keys:
            refuse(e, f"{source(e)} is not understood")
        keys = [self.value(k) for k in e.keys if k is not None]
        return guarded(e, lambda: dict(zip(keys, map(self.value, e.values), strict=True)))

    def _of_listcomp(self, e: ast.ListComp | ast.GeneratorExp) -> Value:
        found: list[Value] = []
        self._comprehend(list(e.generators), e.elt, found)
        return found

    _of_generatorexp = _of_listcomp

    def _comprehend(
        self, generators: list[ast.comprehension], element: ast.expr, found: list[Value]
    ) -> None:
        if not generators:
            found.append(self.value(element))
            return
        first, names = generators[0], dict(self._reader.frames[-1].names)
        for value in self.each(first.iter):
            self._reader.statements.assign(first.target, value)
            if all(self.truth(test) for test in first.ifs):
                self._comprehend(generators[1:], element, found)
        self._reader.frames[-1].names = names

    def _of_joinedstr(self, e: ast.JoinedStr) -> Value:
        parts = [self.value(p.value if isinstance(p, ast.FormattedValue) else p) for p in e.values]
        formatted = [p for p in e.values if isinstance(p, ast.FormattedValue)]
        if any(p.format_spec or p.conversion != -1 for p in formatted):
            refuse(e, f"{source(e)} is not understood")
        if not all(isinstance(p, str | int) for p in parts):
            refuse(e, f"{source(e)} is not understood")
        return "".join(map(str, parts))

    def _of_ifexp(self, e: ast.IfExp) -> Value:
        return self.value(e.body if self.truth(e.test) else e.orelse)

    def _of_boolop(self, e: ast.BoolOp) -> Value:
        for part in e.values:
            found = self.truth(part)
            if found is isinstance(e.op, ast.Or):
                return found
        return not isinstance(e.op, ast.Or)

    def _of_compare(self, e: ast.Compare) -> Value:
        if len(e.ops) != 1:
            refuse(e, f"{source(e)} is not understood")
        a, b, how = self.value(e.left), self.value(e.comparators[0]), e.ops[0]
        if isinstance(how, ast.Is | ast.IsNot):
            if b is not None and not isinstance(b, bool) and a is not b:
                refuse(e, f"{source(e)} is not understood")
            return (a is b) is isinstance(how, ast.Is)
        if not (plain(a) and plain(b)):
            refuse(e, f"{source(e)} is known only when the net runs")
        return guarded(e, lambda: COMPARISONS[type(how)](a, b))

    def _of_unaryop(self, e: ast.UnaryOp, wished: str) -> Value:
        if isinstance(e.op, ast.Not):
            return not self.truth(e.operand)
        value = self.value(e.operand)
        if isinstance(value, int | float):
            return -value if isinstance(e.op, ast.USub) else value
        if not isinstance(e.op, ast.USub):
            refuse(e, f"{source(e)} is not understood")
        return self._reader.nodes.add(
            "Neg", wished, {}, {"x": self._reader.nodes.tensor(value, e.operand)}, e
        )

    def _of_binop(self, e: ast.BinOp, wished: str) -> Value:
        a, b = self.value(e.left), self.value(e.right)
        return self.calculated(e, e.op, a, b, wished)

    def calculated(
        self, where: ast.AST, how: ast.operator, a: Value, b: Value, wished: str
    ) -> Value:
        """Return what an arithmetic operator gives: a plain value, or a node."""
        if type(how) not in OPERATORS:
            refuse(where, f"{source(where)} is not understood")
        name, calculate = OPERATORS[type(how)]
        if plain(a) and plain(b):
            check_size(where, how, a, b)
            return guarded(where, lambda: calculate(a, b))
        lists = isinstance(a, list | tuple) and isinstance(b, list | tuple | int)
        if lists and type(how) in (ast.Add, ast.Mult):
            check_size(where, how, a, b)
            return guarded(where, lambda: calculate(a, b))
        if not name:
            refuse(where, f"{source(where)} is not understood")
        inputs = {
            "a": self._reader.nodes.tensor(a, where),
            "b": self._reader.nodes.tensor(b, where),
        }
        return self._reader.nodes.add(name, wished, {}, inputs, where)

    def truth(self, test: ast.expr) -> bool:
        """Return whether a test holds; one that depends on the net's numbers is refused."""
        value = self.value(test)
        if isinstance(value, Own | Chain | Layer | Held) or value is None:
            return value is not None and not (isinstance(value, Chain) and not value.parts)
        if not isinstance(value, bool | int | float | str | list | tuple | dict):
            refuse(test, f"{source(test)} is known only when the net runs")
        return bool(value)

    def each(self, e: ast.expr) -> list[Value]:
        """Return the values that a loop goes through."""
        value = self.value(e)
        value = value.chain if isinstance(value, Own) and value.chain else value
        if isinstance(value, Chain):
            return list(value.parts if value.kind == "ModuleDict" else value.parts.values())
        if not isinstance(value, list | tuple | dict | range | str):
            refuse(e, f"{source(e)} cannot be gone through: it is {described(value)}")
        if len(value) > MOST_PARTS:
            refuse(e, f"{source(e)} has too many parts")
        return list(value)

    def _of_attribute(self, e: ast.Attribute) -> Value:
        return self._reader.objects.attribute(self.value(e.value), e.attr, e)

    def _of_subscript(self, e: ast.Subscript, wished: str) -> Value:
        owner, index = self.value(e.value), self.index(e.slice)
        owner = owner.chain if isinstance(owner, Own) and owner.chain else owner
        if isinstance(owner, Tensor):
            every = index if isinstance(index, tuple) else (index,)
            return self._reader.nodes.part(owner, every, wished, e)
        if isinstance(owner, State):
            return recurrent.part(self._reader.nodes, owner, index, e)
        if isinstance(owner, Shape):
            if not isinstance(index, int):
                refuse(e, f"{source(e)} is not understood")
            return Length(owner.tensor, index)
        if isinstance(owner, Chain):
            return self._part_of_chain(e, owner, index)
        if not isinstance(owner, list | tuple | dict | range | str):
            refuse(e, f"{source(e)}: {described(owner)} has no parts here")
        return guarded(e, lambda: owner[index])

    def _part_of_chain(self, where: ast.AST, chain: Chain, index: Value) -> Value:
        if chain.kind == "ModuleDict" and isinstance(index, str):
            return guarded(where, lambda: chain.parts[index])
        if isinstance(index, slice):
            names = guarded(where, lambda: list(chain.parts)[index])
            return Chain(chain.kind, {n: chain.parts[n] for n in names})
        return guarded(where, lambda: list(chain.parts.values())[index])

    def index(self, e: ast.expr) -> Value:
        """Return what stands between the brackets of a subscript."""
        if isinstance(e, ast.Tuple):
            return tuple(self.index(part) for part in e.elts)
        if isinstance(e, ast.Slice):
            ends = (e.lower, e.upper, e.step)
            return slice(*(None if end is None else self.value(end) for end in ends))
        return self.value(e)

    def _of_call(self, e: ast.Call, wished: str) -> Value:
        if isinstance(e.func, ast.Name) and e.func.id == "super":
            return self._reader.objects.parent(e)
        function = self.value(e.func)
        if function == CAUSAL_MASK:
            return CAUSAL_MASK
        given = self.elements(e.args)
        if any(k.arg is None for k in e.keywords):
            refuse(e, f"{source(e)} is not understood")
        named = {k.arg: self.value(k.value) for k in e.keywords if k.arg is not None}
        return self._reader.calls.call(function, given, named, wished, e)
