"""Goes through a PyTorch source as Python would, with nodes in place of tensors.

Nothing of the source is ever run: plain values are worked out here, within bounds, and whatever
is not understood is refused with its line.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphcore import ops
from graphcore.files.torch import signatures
from graphcore.files.torch.nodes import Nodes
from graphcore.files.torch.values import (
    CAUSAL_MASK,
    TRAINING,
    Chain,
    External,
    Held,
    Layer,
    Length,
    Method,
    Numbers,
    Own,
    ParameterOf,
    Shape,
    State,
    Tensor,
    Unusable,
    Value,
    Written,
    described,
    held_by,
    refuse,
    source,
)
from graphcore.late import torch

MOST_STEPS = 200_000
MOST_PARTS = 10_000
MOST_CALLS = 40
"""Bounds on what a source may ask to be worked out."""
_OPERATORS: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("Add", operator.add), ast.Sub: ("Sub", operator.sub),
    ast.Mult: ("Mul", operator.mul), ast.Div: ("Div", operator.truediv),
    ast.Pow: ("Pow", operator.pow), ast.MatMult: ("MatMul", operator.matmul),
    ast.FloorDiv: ("", operator.floordiv), ast.Mod: ("", operator.mod),
}  # fmt: skip
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_BUILTINS: dict[str, Callable[..., Any]] = {
    "range": range, "len": len, "int": int, "float": float, "str": str, "bool": bool, "max": max,
    "min": min, "sum": sum, "abs": abs, "round": round, "list": list, "tuple": tuple,
    "dict": dict, "enumerate": enumerate, "zip": zip, "reversed": reversed,
}  # fmt: skip
_HOLDERS = ("len", "list", "tuple", "dict", "enumerate", "zip", "reversed")
"""Built-ins that only hand round what they are given."""
_MATHS = ("sqrt", "ceil", "floor", "log", "log2", "exp", "prod", "pi")
_ALIASES = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional", "math": "math"}
"""What names are taken for that a source does not import."""
_SAME = ("contiguous", "float")
"""Methods that return the very tensor."""
_NEUTRAL_DECORATORS = ("dataclass", "dataclasses.dataclass")
_FILLS = {"zeros": "zeros", "ones": "ones", "empty": "empty", "randn": "normal(0, 1)",
          "rand": "uniform(0, 1)"}  # fmt: skip


@dataclass
class Frame:
    """The names inside one call."""

    names: dict[str, Value]
    cls: ast.ClassDef | None = None
    own: Value = None


@dataclass
class _Returned(Exception):  # noqa: N818 - it is no error
    """What ends a function."""

    value: Value = None


class Reader:
    """Reads the statements and expressions of one source.

    Attributes:
        nodes: what is built.
        classes: the classes of the source by name.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.nodes = Nodes()
        self.names: dict[str, Value] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self._frames: list[Frame] = []
        self._steps = 0
        self._helpers = _helpers()
        for statement in tree.body:
            self._read_global(statement)
        self._frames.append(Frame({}))

    # -- the module ---------------------------------------------------------------------------

    def _read_global(self, statement: ast.stmt) -> None:
        """Note what a line outside all functions defines; what is not understood is not used."""
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._import(statement)
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

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        scope = self._frames[-1].names if self._frames else self.names
        for alias in statement.names:
            if isinstance(statement, ast.ImportFrom):
                scope[alias.asname or alias.name] = External(f"{statement.module}.{alias.name}")
            elif alias.asname:
                scope[alias.asname] = External(alias.name)
            else:
                top = alias.name.split(".")[0]
                scope[top] = External(top)

    # -- statements ---------------------------------------------------------------------------

    def run(self, body: Sequence[ast.stmt]) -> None:
        """Go through statements, in the frame on top."""
        for statement in body:
            self._count(statement)
            kind = type(statement).__name__.lower()
            act = getattr(self, f"_do_{kind}", None)
            if act is None:
                refuse(statement, f"{kind} is not understood")
            act(statement)

    def _count(self, where: ast.AST) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            refuse(where, "the source takes too long to go through")

    def _do_pass(self, statement: ast.Pass) -> None:
        """Nothing happens."""

    def _do_assert(self, statement: ast.Assert) -> None:
        """A net that is right passes it."""
        if any(isinstance(e, ast.NamedExpr) for e in ast.walk(statement)):
            refuse(statement, f"{source(statement)} is not understood")

    def _do_import(self, statement: ast.Import) -> None:
        self._import(statement)

    def _do_importfrom(self, statement: ast.ImportFrom) -> None:
        self._import(statement)

    def _do_expr(self, statement: ast.Expr) -> None:
        if not isinstance(statement.value, ast.Constant):
            self.value(statement.value)

    def _do_return(self, statement: ast.Return) -> None:
        raise _Returned(self.value(statement.value) if statement.value is not None else None)

    def _do_assign(self, statement: ast.Assign) -> None:
        first = statement.targets[0]
        while isinstance(first, ast.Tuple | ast.List) and first.elts:
            first = first.elts[0]
        value = self.value(statement.value, first.id if isinstance(first, ast.Name) else "")
        for target in statement.targets:
            self._assign(target, value)

    def _do_annassign(self, statement: ast.AnnAssign) -> None:
        if statement.value is not None:
            name = statement.target.id if isinstance(statement.target, ast.Name) else ""
            self._assign(statement.target, self.value(statement.value, name))

    def _do_augassign(self, statement: ast.AugAssign) -> None:
        old, by = self.value(statement.target), self.value(statement.value)
        if isinstance(old, list) and isinstance(by, list | tuple):
            old.extend(by)
            return
        result = self._calculated(statement, statement.op, old, by, "")
        if isinstance(old, Tensor) and isinstance(result, Tensor):
            result = self.nodes.changed_in_place(old, result, statement)
        self._assign(statement.target, result)

    def _do_if(self, statement: ast.If) -> None:
        self.run(statement.body if self._truth(statement.test) else statement.orelse)

    def _do_for(self, statement: ast.For) -> None:
        if statement.orelse:
            refuse(statement, "for with else is not understood")
        for value in self._each(statement.iter):
            self._assign(statement.target, value)
            self.run(statement.body)

    def _truth(self, test: ast.expr) -> bool:
        value = self.value(test)
        if isinstance(value, Own | Chain | Layer | Held) or value is None:
            return value is not None and not (isinstance(value, Chain) and not value.parts)
        if not isinstance(value, bool | int | float | str | list | tuple | dict):
            refuse(test, f"{source(test)} is known only when the net runs")
        return bool(value)

    def _each(self, e: ast.expr) -> list[Value]:
        value = self.value(e)
        value = value.chain if isinstance(value, Own) and value.chain else value
        if isinstance(value, Chain):
            return list(value.parts if value.kind == "ModuleDict" else value.parts.values())
        if not isinstance(value, list | tuple | dict | range | str):
            refuse(e, f"{source(e)} cannot be gone through: it is {described(value)}")
        if len(value) > MOST_PARTS:
            refuse(e, f"{source(e)} has too many parts")
        return list(value)

    # -- assignments --------------------------------------------------------------------------

    def _assign(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._frames[-1].names[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value)
        elif isinstance(target, ast.Attribute):
            self._set(target, self.value(target.value), target.attr, value)
        elif isinstance(target, ast.Subscript):
            holder, key = self.value(target.value), self._index(target.slice)
            if not isinstance(holder, dict | list):
                refuse(target, f"an assignment to a part of {described(holder)}")
            self._guarded(target, lambda: holder.__setitem__(key, value))
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
            self._assign(part, one)

    def _set(self, where: ast.Attribute, owner: Value, name: str, value: Value) -> None:
        if isinstance(owner, Own):
            owner.attributes[name] = value
        elif isinstance(owner, Layer):
            self._tie(where, owner, name, value)
        elif name == "requires_grad" and isinstance(value, bool):
            self._freeze(where, owner, not value)
        else:
            refuse(where, f"an assignment to {source(where)}")

    def _tie(self, where: ast.AST, layer: Layer, name: str, value: Value) -> None:
        parameter = _our_name(layer.operator, name)
        if not isinstance(value, Held) or parameter not in ops.get(layer.operator).initializers:
            refuse(where, f"{source(where)} becomes {described(value)}: only an nn.Parameter "
                   "of the module can be shared")  # fmt: skip
        layer.tied[parameter] = value

    def _freeze(self, where: ast.AST, owner: Value, frozen: bool) -> None:
        """``requires_grad`` of a parameter, or of all in a module."""
        if isinstance(owner, Held):
            owner.frozen = frozen
        elif isinstance(owner, ParameterOf):
            parameter = _our_name(owner.layer.operator, owner.name)
            change = owner.layer.frozen.add if frozen else owner.layer.frozen.discard
            change(parameter)
        elif isinstance(owner, Layer):
            for name in _parameters(owner):
                self._freeze(where, ParameterOf(owner, name), frozen)
        elif isinstance(owner, Own | Chain):
            for _, part in held_by(owner):
                if isinstance(part, Layer | Held):
                    self._freeze(where, part, frozen)
        else:
            refuse(where, f"{source(where)} is not understood")

    # -- expressions --------------------------------------------------------------------------

    def value(self, e: ast.expr, wished: str = "") -> Value:
        """What an expression stands for; nodes are added for what it computes.

        Args:
            wished: name of the node that comes of it.
        """
        self._count(e)
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
        for names in ([self._frames[-1].names] if self._frames else []) + [self.names]:
            if e.id in names:
                found = names[e.id]
                if isinstance(found, Unusable) and names is self.names:
                    refuse(e, found.why)
                return found
        if e.id in _BUILTINS or e.id in ("print", "object"):
            return External(f"builtins.{e.id}")
        if e.id in _ALIASES:
            return External(_ALIASES[e.id])
        refuse(e, f"{e.id} is not known here")

    def _of_tuple(self, e: ast.Tuple) -> Value:
        return tuple(self._elements(e.elts))

    def _of_list(self, e: ast.List) -> Value:
        return self._elements(e.elts)

    def _elements(self, elements: Sequence[ast.expr]) -> list[Value]:
        found: list[Value] = []
        for element in elements:
            if isinstance(element, ast.Starred):
                found.extend(self._each(element.value))
            else:
                found.append(self.value(element))
        return found

    def _of_dict(self, e: ast.Dict) -> Value:
        if None in e.keys:
            refuse(e, f"{source(e)} is not understood")
        keys = [self.value(k) for k in e.keys if k is not None]
        return self._guarded(e, lambda: dict(zip(keys, map(self.value, e.values), strict=True)))

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
        first, names = generators[0], dict(self._frames[-1].names)
        for value in self._each(first.iter):
            self._assign(first.target, value)
            if all(self._truth(test) for test in first.ifs):
                self._comprehend(generators[1:], element, found)
        self._frames[-1].names = names

    def _of_joinedstr(self, e: ast.JoinedStr) -> Value:
        parts = [self.value(p.value if isinstance(p, ast.FormattedValue) else p) for p in e.values]
        formatted = [p for p in e.values if isinstance(p, ast.FormattedValue)]
        if any(p.format_spec or p.conversion != -1 for p in formatted):
            refuse(e, f"{source(e)} is not understood")
        if not all(isinstance(p, str | int) for p in parts):
            refuse(e, f"{source(e)} is not understood")
        return "".join(map(str, parts))

    def _of_ifexp(self, e: ast.IfExp) -> Value:
        return self.value(e.body if self._truth(e.test) else e.orelse)

    def _of_boolop(self, e: ast.BoolOp) -> Value:
        for part in e.values:
            found = self._truth(part)
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
        if not (_plain(a) and _plain(b)):
            refuse(e, f"{source(e)} is known only when the net runs")
        return self._guarded(e, lambda: _COMPARISONS[type(how)](a, b))

    def _of_unaryop(self, e: ast.UnaryOp, wished: str) -> Value:
        if isinstance(e.op, ast.Not):
            return not self._truth(e.operand)
        value = self.value(e.operand)
        if isinstance(value, int | float):
            return -value if isinstance(e.op, ast.USub) else value
        if not isinstance(e.op, ast.USub):
            refuse(e, f"{source(e)} is not understood")
        return self.nodes.add("Neg", wished, {}, {"x": self.nodes.tensor(value, e.operand)}, e)

    def _of_binop(self, e: ast.BinOp, wished: str) -> Value:
        a, b = self.value(e.left), self.value(e.right)
        return self._calculated(e, e.op, a, b, wished)

    def _calculated(
        self, where: ast.AST, how: ast.operator, a: Value, b: Value, wished: str
    ) -> Value:
        if type(how) not in _OPERATORS:
            refuse(where, f"{source(where)} is not understood")
        name, calculate = _OPERATORS[type(how)]
        if _plain(a) and _plain(b):
            _check_size(where, how, a, b)
            return self._guarded(where, lambda: calculate(a, b))
        lists = isinstance(a, list | tuple) and isinstance(b, list | tuple | int)
        if lists and type(how) in (ast.Add, ast.Mult):
            _check_size(where, how, a, b)
            return self._guarded(where, lambda: calculate(a, b))
        if not name:
            refuse(where, f"{source(where)} is not understood")
        inputs = {"a": self.nodes.tensor(a, where), "b": self.nodes.tensor(b, where)}
        return self.nodes.add(name, wished, {}, inputs, where)

    def _guarded(self, where: ast.AST, act: Callable[[], Value]) -> Value:
        try:
            return act()
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            refuse(where, f"{source(where)}: {error}")

    # -- attributes and parts -----------------------------------------------------------------

    def _of_attribute(self, e: ast.Attribute) -> Value:
        return self.attribute(self.value(e.value), e.attr, e)

    def attribute(self, owner: Value, name: str, where: ast.AST) -> Value:
        """An attribute of a value."""
        if isinstance(owner, External):
            path = f"{owner.path}.{name}"
            return math.pi if path == "math.pi" else External(path)
        if isinstance(owner, Own):
            return self._of_own(owner, name, where)
        if isinstance(owner, Tensor) and name == "shape":
            return Shape(owner)
        if isinstance(owner, Layer) and name in _parameters(owner):
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
                return self.value(said)
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
        return self.value(found)

    def _of_subscript(self, e: ast.Subscript, wished: str) -> Value:
        owner, index = self.value(e.value), self._index(e.slice)
        owner = owner.chain if isinstance(owner, Own) and owner.chain else owner
        if isinstance(owner, Tensor):
            every = index if isinstance(index, tuple) else (index,)
            return self.nodes.part(owner, every, wished, e)
        if isinstance(owner, State):
            if index not in (0, -1) or isinstance(index, bool):
                refuse(e, f"{source(e)}: only h[-1] is understood of the state of a layer")
            return owner.tensor
        if isinstance(owner, Shape):
            if not isinstance(index, int):
                refuse(e, f"{source(e)} is not understood")
            return Length(owner.tensor, index)
        if isinstance(owner, Chain):
            return self._part_of_chain(e, owner, index)
        if not isinstance(owner, list | tuple | dict | range | str):
            refuse(e, f"{source(e)}: {described(owner)} has no parts here")
        return self._guarded(e, lambda: owner[index])

    def _part_of_chain(self, where: ast.AST, chain: Chain, index: Value) -> Value:
        if chain.kind == "ModuleDict" and isinstance(index, str):
            return self._guarded(where, lambda: chain.parts[index])
        if isinstance(index, slice):
            names = self._guarded(where, lambda: list(chain.parts)[index])
            return Chain(chain.kind, {n: chain.parts[n] for n in names})
        return self._guarded(where, lambda: list(chain.parts.values())[index])

    def _index(self, e: ast.expr) -> Value:
        if isinstance(e, ast.Tuple):
            return tuple(self._index(part) for part in e.elts)
        if isinstance(e, ast.Slice):
            ends = (e.lower, e.upper, e.step)
            return slice(*(None if end is None else self.value(end) for end in ends))
        return self.value(e)

    # -- calls --------------------------------------------------------------------------------

    def _of_call(self, e: ast.Call, wished: str) -> Value:
        if isinstance(e.func, ast.Name) and e.func.id == "super":
            return self._super(e)
        function = self.value(e.func)
        if function == CAUSAL_MASK:
            return CAUSAL_MASK
        given = self._elements(e.args)
        if any(k.arg is None for k in e.keywords):
            refuse(e, f"{source(e)} is not understood")
        named = {k.arg: self.value(k.value) for k in e.keywords if k.arg is not None}
        return self.call(function, given, named, wished, e)

    def call(
        self, function: Value, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """Call a value: a layer, a module, a function or a class."""
        if isinstance(function, Layer):
            return self.nodes.layer(function, given, named, wished, where)
        if isinstance(function, Chain):
            return self._chained(function, given, named, where)
        if isinstance(function, Own):
            return self._forward(function, given, named, where)
        if isinstance(function, Written):
            return self._written(function.node, given, named, wished, where)
        if isinstance(function, Method):
            return self._method(function, given, named, wished, where)
        if isinstance(function, External):
            return self._external(function.path, given, named, wished, where)
        refuse(where, f"{source(where)}: {described(function)} cannot be called")

    def _chained(
        self, chain: Chain, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Value:
        if chain.kind != "Sequential" or len(given) != 1 or named:
            refuse(where, f"{source(where)} is not understood")
        value = given[0]
        for part in chain.parts.values():
            value = self.call(part, [value], {}, "", where)
        return value

    def _forward(
        self, own: Own, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Value:
        forward = self.written_method(own, "forward", where)
        if forward is not None:
            return self._method(forward, given, named, "", where)
        if own.chain is None:
            refuse(where, f"{source(where)}: {own.cls.name} has no forward")
        return self._chained(own.chain, given, named, where)

    def _written(
        self, node: ast.FunctionDef | ast.ClassDef, given: Sequence[Value],
        named: Mapping[str, Value], wished: str, where: ast.AST,
    ) -> Value:  # fmt: skip
        """A function or class of the source; the helpers of exported scripts are known."""
        if self._helpers.get(node.name) == ast.dump(node):
            return self._helper(node.name, given, named, wished, where)
        if isinstance(node, ast.ClassDef):
            return self.made(node, given, named, where)
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
            return (y, *(s.tensor for s in (state if isinstance(state, tuple) else (state,))))
        if name in signatures.HELPERS:
            return self.nodes.function(name, given, named, wished, where, helper=True)
        return self._layer(name, given, named, where)

    def entered(
        self, function: ast.FunctionDef, own: Value, cls: ast.ClassDef | None,
        given: Sequence[Value], named: Mapping[str, Value], where: ast.AST,
    ) -> Value:  # fmt: skip
        """Go through a function; returns what it returns."""
        if len(self._frames) >= MOST_CALLS:
            refuse(where, f"{source(where)}: calls go too deep")
        names = self._arguments(function, given, named, where)
        self._frames.append(Frame(names, cls, own))
        try:
            self.run(function.body)
        except _Returned as returned:
            return returned.value
        finally:
            self._frames.pop()
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
        self._frames.append(Frame({}))  # a default is worked out where the function is written
        for name, default in defaults(function).items():
            if name not in found:
                found[name] = self.value(default)
        self._frames.pop()
        missing = [n for n in known if n not in found]
        if missing:
            refuse(
                where, f"{function.name} takes {missing[0]}, whose value the source does not say"
            )
        return found

    # -- classes ------------------------------------------------------------------------------

    def line_of(self, cls: ast.ClassDef, where: ast.AST) -> list[ast.ClassDef]:
        """A class of the source and those it derives from, as far as the source defines them."""
        found = [cls]
        while True:
            bases = found[-1].bases
            if len(bases) > 1 or len(found) > MOST_CALLS:
                refuse(found[-1], f"{found[-1].name} derives from several classes")
            base = self.value(bases[0]) if bases else None
            if not isinstance(base, Written) or not isinstance(base.node, ast.ClassDef):
                return found
            found.append(base.node)

    def root_of(self, cls: ast.ClassDef, where: ast.AST) -> str:
        """The class of another package that a class derives from; empty if there is none."""
        last = self.line_of(cls, where)[-1]
        base = self.value(last.bases[0]) if last.bases else None
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
                    self.entered(statement, own, one, [own, *given], named, where)
                    return own
        if own.chain is not None:
            own.chain = self._chain(kind, given, named, where)
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
                found[name] = self.value(statement.value)
        return found

    def _super(self, e: ast.Call) -> Value:
        frame = self._frames[-1]
        if frame.cls is None or (e.args and source(e.args[0]) != frame.cls.name):
            refuse(e, f"{source(e)} is not understood")
        return Method(frame.own, "super", None, frame.cls)

    # -- methods ------------------------------------------------------------------------------

    def _method(
        self, method: Method, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Value:  # fmt: skip
        owner, name = method.owner, method.name
        if method.function is not None:
            return self.entered(method.function, owner, method.cls, [owner, *given], named, where)
        if isinstance(owner, Method) and owner.name == "super" and owner.cls is not None:
            return self._of_parent(owner, name, given, named, where)
        if isinstance(owner, Tensor | State):
            return self._of_tensor(owner, name, given, named, wished, where)
        if isinstance(owner, list | dict | str):
            return self._of_plain(owner, name, given, named, where)
        if isinstance(owner, Own | Chain | Layer | Held | ParameterOf):
            return self._of_module(owner, name, given, named, where)
        if isinstance(owner, Shape | Numbers) and name == "numel":
            refuse(where, f"{source(where)} is known only when the net runs")
        refuse(where, f"{source(where)} is not understood")

    def _of_parent(
        self, parent: Method, name: str, given: Sequence[Value], named: Mapping[str, Value],
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """``super().name(...)``."""
        own, cls = parent.owner, parent.cls
        assert cls is not None
        line = self.line_of(own.cls, where)
        for one in line[line.index(cls) + 1 :]:
            for statement in one.body:
                if isinstance(statement, ast.FunctionDef) and statement.name == name:
                    return self.entered(statement, own, one, [own, *given], named, where)
        if name == "__init__":
            if own.chain is not None:
                own.chain.parts = self._chain(own.chain.kind, given, named, where).parts
            elif given or named:
                refuse(where, f"{source(where)}: nn.Module takes no arguments")
            return None
        if name == "forward" and own.chain is not None:
            return self._chained(own.chain, given, named, where)
        refuse(where, f"{source(where)} is not understood")

    def _of_tensor(
        self, owner: Tensor | State, name: str, given: Sequence[Value],
        named: Mapping[str, Value], wished: str, where: ast.AST,
    ) -> Value:  # fmt: skip
        if isinstance(owner, State):
            if name == "squeeze" and list(given) == [0] and not named:
                return owner.tensor
            refuse(where, f"{source(where)}: take h[-1] of the state of a recurrent layer")
        if name == "size":
            axis = given[0] if given else None
            return Length(owner, axis) if isinstance(axis, int) else Shape(owner)
        if name in _SAME and not given and not named:
            return owner
        if name == "clone" and not given and not named:
            return Tensor(owner.node, owner.output)
        if not hasattr(torch.Tensor, name):
            refuse(where, f"{source(where)}: {name} has no counterpart here")
        if name.endswith("_") and not name.startswith("_"):
            result = self.nodes.function(name[:-1], [owner, *given], named, wished, where)
            return self.nodes.changed_in_place(owner, result, where)
        return self.nodes.function(name, [owner, *given], named, wished, where)

    def _of_plain(
        self, owner: Any, name: str, given: Sequence[Value], named: Mapping[str, Value],
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """Methods of lists and dicts."""
        known: dict[type, tuple[str, ...]] = {list: ("append", "extend", "insert", "pop"),
                 dict: ("items", "keys", "values", "get", "update")}  # fmt: skip
        if name not in known.get(type(owner), ()):
            refuse(where, f"{source(where)} is not understood")
        result = self._guarded(where, lambda: getattr(owner, name)(*given, **named))
        return list(result) if name in ("items", "keys", "values") else result

    def _of_module(
        self, owner: Value, name: str, given: Sequence[Value], named: Mapping[str, Value],
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """Methods that every module has, and those of containers."""
        if name == "requires_grad_" and not named:
            self._freeze(where, owner, bool(given) and given[0] is False)
            return owner
        if name == "parameters" and isinstance(owner, Own | Chain | Layer):
            return _all_parameters(owner)
        if name == "forward" and isinstance(owner, Layer | Chain):
            return self.call(owner, given, named, "", where)
        if name in ("add_module", "register_module") and isinstance(owner, Own | Chain):
            parts = owner.parts if isinstance(owner, Chain) else owner.attributes
            if isinstance(owner, Own) and owner.chain is not None:
                parts = owner.chain.parts
            parts[given[0]] = given[1]
            return None
        if name in ("register_buffer", "register_parameter") and isinstance(owner, Own):
            return self._registered(owner, name, given, named, where)
        chain = owner.chain if isinstance(owner, Own) else owner
        if isinstance(chain, Chain) and name in ("append", "extend", "items", "keys", "values"):
            return self._of_chain(chain, name, given, where)
        refuse(where, f"{source(where)} is not understood")

    def _of_chain(self, chain: Chain, name: str, given: Sequence[Value], where: ast.AST) -> Value:
        if name == "append" and chain.kind != "ModuleDict" and len(given) == 1:
            chain.parts[str(len(chain.parts))] = given[0]
        elif name == "extend" and chain.kind != "ModuleDict" and isinstance(given[0], list | tuple):
            for part in given[0]:
                chain.parts[str(len(chain.parts))] = part
        elif chain.kind == "ModuleDict" and name in ("items", "keys", "values"):
            return list(getattr(chain.parts, name)())
        else:
            refuse(where, f"{source(where)} is not understood")
        return chain

    def _registered(
        self, owner: Own, name: str, given: Sequence[Value], named: Mapping[str, Value],
        where: ast.AST,
    ) -> None:  # fmt: skip
        key, value = given[0], given[1] if len(given) > 1 else named.get("tensor")
        if name == "register_buffer":
            if not isinstance(value, Numbers):
                refuse(where, "a buffer that is no plain number or list")
            value = Held(value, False, where)
        elif not isinstance(value, Held):
            refuse(where, f"{source(where)} is not understood")
        owner.attributes[key] = value

    # -- other packages -----------------------------------------------------------------------

    def _external(
        self, path: str, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Value:  # fmt: skip
        owner, _, name = path.rpartition(".")
        if path in ("torch.nn.Module.__init__", "builtins.print"):
            return None
        if owner == "torch.nn":
            return self._module(name, given, named, where)
        if path == "collections.OrderedDict":
            return self._guarded(where, lambda: dict(*given, **named))
        if owner == "builtins" and name in _BUILTINS:
            return self._builtin(name, given, named, where)
        if owner == "math" and name in _MATHS and all(map(_plain, given)):
            return self._guarded(where, lambda: getattr(math, name)(*given))
        if owner == "torch" and name in ("tensor", *_FILLS):
            return self._numbers(name, given, named, where)
        if owner in ("torch", "torch.nn.functional"):
            package = torch if owner == "torch" else torch.nn.functional
            if hasattr(package, name):
                return self.nodes.function(name, given, named, wished, where)
        refuse(where, f"{source(where)}: {path} has no counterpart here")

    def _module(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Value:
        """What ``nn.NAME(...)`` makes."""
        if name == "Parameter":
            return self._parameter(given, named, where)
        if name in ("Sequential", "ModuleList", "ModuleDict"):
            return self._chain(name, given, named, where)
        return self._layer(name, given, named, where)

    def _builtin(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Value:
        if name == "len" and isinstance(given[0], Tensor):
            return Length(given[0], 0)
        given = [list(v.parts.values()) if isinstance(v, Chain) else v for v in given]
        if name == "sum" and given and isinstance(given[0], list | tuple) and not named:
            return self._summed(given, where)
        if name not in _HOLDERS and not all(map(_plain, given)):
            refuse(where, f"{source(where)} is known only when the net runs")
        result = self._guarded(where, lambda: _BUILTINS[name](*given, **named))
        if isinstance(result, range) and len(result) > MOST_PARTS:
            refuse(where, f"{source(where)} has too many parts")
        once = name in ("enumerate", "zip", "reversed")
        return self._guarded(where, lambda: list(result)) if once else result

    def _summed(self, given: Sequence[Value], where: ast.AST) -> Value:
        total: Value = given[1] if len(given) > 1 else 0
        for value in given[0]:
            total = self._calculated(where, ast.Add(), total, value, "")
        return total

    def _layer(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Layer:
        if name not in ops.names() or name in ("Parameter", "Composite", "Input", "Target"):
            refuse(where, f"{source(where)}: the layer {name} has no counterpart here")
        op = ops.get(name)
        if name == "Identity":
            return Layer(name, {}, {}, where)
        signature = signatures.of_layer(name)
        values = signatures.bound(where, name, signature, given, named)
        taken, declared = signatures.attributes(where, op, signature, values)
        if declared.get("batch_first") is False:
            refuse(where, f"{name} without batch_first=True takes the sequence before the batch")
        return Layer(name, taken, declared, where)

    def _chain(
        self, kind: str, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Chain:
        first = given[0] if given else None
        if kind == "Sequential":
            named_parts = first if isinstance(first, dict) and len(given) == 1 else None
            parts = named_parts or {str(i): v for i, v in enumerate(given)}
        elif kind == "ModuleDict":
            parts = first or {}
        else:
            parts = {str(i): v for i, v in enumerate(first or ())}
        if named or not isinstance(parts, dict):
            refuse(where, f"{source(where)} is not understood")
        for part in parts.values():
            if not isinstance(part, Layer | Own | Chain):
                refuse(where, f"{source(where)} holds {described(part)}, which is no layer")
        return Chain(kind, dict(parts))

    def _parameter(
        self, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Held:
        signature = signatures.of_text("data, requires_grad=True")
        found = signatures.bound(where, "nn.Parameter", signature, given, named)
        if not isinstance(found["data"], Numbers) or not found["data"].initializer:
            refuse(where, "a parameter whose shape is not written out")
        held = Held(found["data"], True, where)
        held.frozen = found["requires_grad"] is False
        return held

    def _numbers(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Numbers:
        others = {k: v for k, v in named.items() if k not in ("dtype", "device", "requires_grad")}
        if others or not given:
            refuse(where, f"{source(where)} is not understood")
        if name == "tensor":
            if len(given) != 1 or not _plain(given[0]):
                refuse(where, f"{source(where)}: the numbers are not written out")
            return Numbers({"value": given[0]})
        sizes = given[0] if isinstance(given[0], tuple | list) else given
        if not all(isinstance(s, int) and not isinstance(s, bool) for s in sizes):
            refuse(where, f"{source(where)}: the shape is not written out")
        return Numbers({"shape": tuple(sizes)}, _FILLS[name])


def _class_value(cls: ast.ClassDef, name: str) -> ast.expr | None:
    """What a class says its attribute is."""
    for statement in cls.body:
        if isinstance(statement, ast.Assign) and source(statement.targets[0]) == name:
            return statement.value
        if isinstance(statement, ast.AnnAssign) and source(statement.target) == name:
            return statement.value
    return None


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


def _our_name(operator_name: str, parameter: str) -> str:
    """Our name of a layer's parameter."""
    theirs = {v: k for k, v in ops.get(operator_name).torch_code.names.items()}
    return theirs.get(parameter, parameter)


def _parameters(layer: Layer) -> list[str]:
    """Names of a layer's parameters in torch."""
    op = ops.get(layer.operator)
    known = op.parameter_names(layer.attributes)
    return [op.torch_code.names.get(name, name) for name in known]


def _all_parameters(module: Value) -> list[Value]:
    inside = [(".", module)] if isinstance(module, Layer) else held_by(module)
    found: list[Value] = []
    for _, part in inside:
        if isinstance(part, Layer):
            found += [ParameterOf(part, name) for name in _parameters(part)]
        elif isinstance(part, Held) and part.trained:
            found.append(part)
    return found


def _plain(value: Value) -> bool:
    """Whether a value is made of numbers and texts alone."""
    if isinstance(value, list | tuple):
        return all(_plain(v) for v in value)
    return isinstance(value, bool | int | float | str | range | None)


def _check_size(where: ast.AST, how: ast.operator, a: Value, b: Value) -> None:
    """Refuse arithmetic whose result would be too large."""
    sizes = [len(v) if isinstance(v, str | list | tuple) else abs(v or 0) for v in (a, b)]
    text = any(isinstance(v, str | list | tuple) for v in (a, b))
    large = max(sizes) > (MOST_PARTS if text else 2**63)
    if large or (isinstance(how, ast.Pow) and (sizes[1] > 64 or sizes[0] > 2**32)):
        refuse(where, f"{source(where)} is too large")
