"""A PyTorch module as a graph, read from its source: nothing of it is ever run.

Understood are the layers that ``__init__`` makes, and in ``forward`` (and ``loss``, if there is
one) calls of layers, of ``F`` and ``torch``, of a tensor's methods, and arithmetic. What is not
understood is refused with its line, and nothing is built.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from graphcore import ops
from graphcore.errors import FileError, GradscapeError
from graphcore.files.torch_layers import UNKNOWN, LayerReader, Made, literal, our_name
from graphcore.graph import Graph
from graphcore.late import torch
from graphcore.layout import layout
from graphcore.ops.registry import OperatorClass
from graphcore.settings import TrainingSettings

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div", ast.Pow: "Pow",
    ast.MatMult: "MatMul",
}  # fmt: skip
_OTHER_NAMES = {
    "cat": "Concat", "amax": "Max", "amin": "Min", "view": "Reshape", "detach": "StopGradient",
    "clamp": "Clip", "binarycrossentropy": "BCELoss", "softmax": "Softmax",
    "binarycrossentropywithlogits": "BCEWithLogitsLoss", "attention": "ScaledDotProductAttention",
    "multiply": "Mul", "subtract": "Sub", "divide": "Div",
}  # fmt: skip
_PASSES_THROUGH = ("like", "signs", "last_state", "contiguous", "float", "clone")
_FIRST_INPUT: dict[str, tuple[str, int]] = {"Linear": ("in_features", 1), "RNN": ("input_size", 2),
                "LSTM": ("input_size", 2), "GRU": ("input_size", 2)}  # fmt: skip
SIDE, LENGTH = 28, 16
"""Sizes of pictures and sequences where the source does not say them."""

Port = tuple[str, str]
Value = Any
"""A port, several of them, or a plain number, text or tuple."""


def read_module(text: str) -> Graph:
    """The graph of the module in a source text.

    Raises:
        FileError: there is no module, or one that is not understood; with the line.
    """
    try:
        tree = ast.parse(text)
        return _Reader(tree).graph_of_module()
    except SyntaxError as error:
        raise FileError(f"Line {error.lineno} is not Python: {error.msg}.") from None
    except RecursionError:
        raise FileError("The source is nested too deeply to be read.") from None


class _Reader(LayerReader):
    """Reads one module.

    Attributes:
        local: name of a variable -> what it holds. shapes: what ``inputs`` says.
    """

    def __init__(self, tree: ast.Module) -> None:
        super().__init__()
        self.graph, self.tree = Graph(), tree
        self.local: dict[str, Value] = {}
        self.shapes: dict[str, tuple[Any, ...]] = {}

    def graph_of_module(self) -> Graph:
        found = [c for c in self.tree.body if isinstance(c, ast.ClassDef) and _is_module(c)]
        methods = [{f.name: f for f in c.body if isinstance(f, ast.FunctionDef)} for c in found]
        whole = [m for m in zip(found, methods, strict=True) if "forward" in m[1]]
        nets = [m for m in whole if m[0].name not in ops.names()]
        if not nets:
            raise FileError("There is no class with a forward method that derives from nn.Module.")
        net, functions = nets[-1]
        self._read_shapes(net)
        if "__init__" in functions:
            for statement in functions["__init__"].body:
                self.construct(statement)
        self._run(functions["forward"], "Input")
        if "loss" in functions:
            self._run(functions["loss"], "Target")
        self.graph.set_training(self._training())
        for name, place in layout(self.graph).items():
            self.graph.update(name, position=place)
        return self.graph

    def _training(self) -> TrainingSettings:
        """Settings as exported scripts have them; else a data set that fits two numbers."""
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "TRAINED":
                with contextlib.suppress(msgspec.ValidationError):
                    return msgspec.convert(literal(statement.value), TrainingSettings)
        inputs = [n.attributes["shape"] for n in self.graph if n.operator == "Input"]
        return TrainingSettings(dataset="circle") if inputs == [(2,)] else TrainingSettings()

    def _read_shapes(self, net: ast.ClassDef) -> None:
        """``inputs = {"x": ("N", 1, 28, 28)}``, as exported scripts have it."""
        for statement in net.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "inputs":
                value = literal(statement.value)
                self.shapes = value if isinstance(value, dict) else {}

    # -- the passes ---------------------------------------------------------------------------

    def _run(self, function: ast.FunctionDef, source: str) -> None:
        for argument in function.args.args[1:]:
            if argument.arg not in self.local:
                self.local[argument.arg] = self._source(argument.arg, source, function)
        for statement in function.body:
            if isinstance(statement, ast.Assign):
                self._assign(statement)
            elif isinstance(statement, ast.Return) and statement.value is not None:
                self._value(statement.value, "")
            elif not (isinstance(statement, ast.Expr) and _is_text(statement.value)):
                self.refuse(statement, f"{type(statement).__name__.lower()} is not understood")

    def _source(self, name: str, operator: str, function: ast.FunctionDef) -> Port:
        if operator == "Target":
            return self._add(operator, name, {}, {}, function)
        shape = self.shapes[name] if name in self.shapes else self._guessed()
        batch = bool(shape) and shape[0] == "N"
        attributes: dict[str, Any] = {"shape": shape[1:] if batch else shape, "batch": batch}
        if any(m.operator == "Embedding" for m in self.made.values()):
            attributes["dtype"] = "int"
        return self._add(operator, name, attributes, {}, function)

    def _guessed(self) -> tuple[Any, ...]:
        """Shape of one sample from the first layer that says something about it."""
        every = [p for m in self.made.values() for p in (m.parts or [m])]
        for made in every:
            if made.operator in _FIRST_INPUT:
                name, rank = _FIRST_INPUT[made.operator]
                return ("N", *[LENGTH] * (rank - 1), made.arguments.get(name, 1))
            if "in_channels" in made.arguments:
                sides = (SIDE, SIDE) if "2d" in made.operator else (LENGTH,)
                return ("N", made.arguments["in_channels"], *sides)
            if made.operator == "Embedding":
                return ("N", LENGTH)
        return ("N", 1)

    def _assign(self, statement: ast.Assign) -> None:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            self.local[target.id] = self._value(statement.value, target.id)
            return
        if not isinstance(target, ast.Tuple):
            self.refuse(statement, f"an assignment to {ast.unparse(target)}")
        first = target.elts[0]
        wished = first.id if isinstance(first, ast.Name) else ""
        port = self._value(statement.value, wished)
        names = [e.id for e in ast.walk(target) if isinstance(e, ast.Name)]
        outputs = self.graph.node(port[0]).outputs
        self.local.update({n: (port[0], o) for n, o in zip(names, outputs, strict=False)})

    def _value(self, e: ast.expr, wished: str) -> Value:
        """What an expression stands for; nodes are added for what it computes."""
        if isinstance(e, ast.Name) and e.id in self.local:
            return self.local[e.id]
        if isinstance(e, ast.Tuple):
            return tuple(self._value(part, "") for part in e.elts)
        if isinstance(e, ast.Attribute) and ast.unparse(e.value) == "self":
            return self._held(e)
        if isinstance(e, ast.BinOp) and type(e.op) in _OPERATORS:
            sides = {"a": self._tensor(e.left), "b": self._tensor(e.right)}
            return self._add(_OPERATORS[type(e.op)], wished, {}, sides, e)
        if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub) and literal(e) is UNKNOWN:
            return self._add("Neg", wished, {}, {"x": self._tensor(e.operand)}, e)
        if isinstance(e, ast.Call):
            return self._called(e, wished)
        if isinstance(e, ast.Subscript):
            return self._part(e, wished)
        value = literal(e)
        if value is UNKNOWN:
            self.refuse(e, f"{ast.unparse(e)[:60]} is not understood")
        return value

    def _tensor(self, e: ast.expr) -> Port:
        """A port; a number becomes a constant."""
        value = self._value(e, "")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._add("Constant", "", {"value": float(value)}, {}, e)
        if not isinstance(value, tuple) or len(value) != 2 or value[0] not in self.graph:
            self.refuse(e, f"{ast.unparse(e)[:60]} is no tensor")
        return value

    def _held(self, e: ast.Attribute) -> Port:
        """A parameter or constant that the module holds, as a node."""
        made = self.made.get(e.attr)
        if made is None or made.operator not in ("Parameter", "Constant"):
            self.refuse(e, f"self.{e.attr} is no parameter")
        if not made.node:
            made.node = self._add(made.operator, e.attr, made.attributes, {}, e)[0]
            if made.frozen:
                self.graph.update(made.node, frozen=frozenset(made.frozen))
        return made.node, "y"

    def _part(self, e: ast.Subscript, wished: str) -> Value:
        """Slicing along one axis, or one of several outputs."""
        value = self._value(e.value, "")
        index = e.slice.elts if isinstance(e.slice, ast.Tuple) else [e.slice]
        if isinstance(e.value, ast.Call) and len(index) == 1 and literal(index[0]) is not UNKNOWN:
            number = literal(index[0])
            outputs = self.graph.node(value[0]).outputs
            if isinstance(number, int) and len(outputs) > number:
                return value[0], outputs[number]
        cuts = [(i, part) for i, part in enumerate(index)
                if not (isinstance(part, ast.Slice) and ast.unparse(part) == ":")]  # fmt: skip
        if len(cuts) != 1:
            self.refuse(e, "only one axis can be cut at a time")
        dim, part = cuts[0]
        if isinstance(part, ast.Slice):
            ends = {"start": part.lower, "end": part.upper, "step": part.step}
            attributes = {k: literal(v) for k, v in ends.items() if v is not None}
            return self._add("Slice", wished, {"dim": dim, **attributes}, {"x": value}, e)
        at = literal(part)
        if not isinstance(at, int):
            self.refuse(e, "an index that is no plain number")
        one = {"dim": dim, "start": at, "end": None if at == -1 else at + 1}
        cut = self._add("Slice", "", one, {"x": value}, e)
        return self._add("Squeeze", wished, {"dim": dim}, {"x": cut}, e)

    # -- calls --------------------------------------------------------------------------------

    def _called(self, call: ast.Call, wished: str) -> Value:
        function = call.func
        if isinstance(function, ast.Attribute) and ast.unparse(function.value) == "self":
            return self._layer(call, function.attr, wished)
        name = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
        owner = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
        arguments = list(call.args)
        if isinstance(function, ast.Attribute) and owner not in (
            "F", "torch", "nn.functional", "torch.nn.functional", "nn", "torch.nn",
        ):  # fmt: skip
            arguments.insert(0, function.value)
        if name in _PASSES_THROUGH:
            return self._value(arguments[0], wished)
        op = _operator(name)
        if op is None:
            self.refuse(call, f"{ast.unparse(function)[:40]} has no counterpart")
        bare = ast.Call(func=call.func, args=arguments, keywords=call.keywords)
        ast.copy_location(bare, call)
        return self._function(bare, op, getattr(torch.nn.functional, name, None), wished)

    def _function(self, call: ast.Call, op: OperatorClass, function: Any, wished: str) -> Value:
        if op.name == "Reshape":
            return self._reshape(call, wished)
        if op.variadic:
            return self._joined(call, op, wished)
        count = len(op.inputs)
        inputs = {n: self._tensor(a) for n, a in zip(op.inputs, call.args, strict=False)}
        rest = [literal(a) for a in call.args[count:]]
        many = op.name in ("Permute", "Expand") and rest and not isinstance(rest[0], tuple)
        if many:
            given: dict[str, Any] = {op.attrs[0].name: tuple(rest)}
        else:
            given = self.bound(call, function, op, skip=count)
        return self._add(op.name, wished, self.attributes(call, op, given), inputs, call)

    def _joined(self, call: ast.Call, op: OperatorClass, wished: str) -> Port:
        """torch.cat, torch.stack: a list first; torch.einsum: an equation first."""
        if op.name == "Einsum":
            parts, attributes = call.args[1:], {"equation": literal(call.args[0])}
        else:
            listed = call.args[0]
            parts = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
            rest = [literal(a) for a in call.args[1:]]
            attributes = {"dim": rest[0] if rest else 0}
            attributes |= {k.arg: literal(k.value) for k in call.keywords if k.arg}
        inputs = {f"x{i}": self._tensor(part) for i, part in enumerate(parts)}
        return self._add(op.name, wished, attributes, inputs, call)

    def _reshape(self, call: ast.Call, wished: str) -> Port:
        """Lengths that are read off the input stay what they are there: 0."""
        parts = call.args[1:]
        if len(parts) == 1 and isinstance(parts[0], ast.Tuple | ast.List):
            parts = parts[0].elts
        x = ast.unparse(call.args[0])
        shape = []
        for i, part in enumerate(parts):
            kept = ast.unparse(part) in (f"{x}.shape[{i}]", f"{x}.size({i})", f"len({x})")
            shape.append(0 if kept else literal(part))
        if not all(isinstance(d, int) for d in shape):
            self.refuse(call, "a shape that is not written out")
        if shape and shape[0] == -1:
            shape[0] = 0 if -1 not in shape[1:] else -1
        return self._add("Reshape", wished, {"shape": shape}, {"x": self._tensor(call.args[0])},
                         call)  # fmt: skip

    def _layer(self, call: ast.Call, name: str, wished: str) -> Value:
        made = self.made.get(name)
        if made is None or made.operator in ("Parameter", "Constant"):
            self.refuse(call, f"self.{name} is no layer that is known here")
        if made.operator == "Sequential":
            value = self._tensor(call.args[0])
            for i, part in enumerate(made.parts):
                value = self._placed(part, f"{name}_{i}", {"x": value}, call)
            return value
        op = ops.get(made.operator)
        inputs = {n: self._tensor(a) for n, a in zip(op.inputs, call.args, strict=False)}
        causal = any(k.arg == "is_causal" and literal(k.value) for k in call.keywords)
        if causal:
            made.attributes["is_causal"] = True
        return self._placed(made, name if made.tied or op.initializers else wished or name,
                            inputs, call)  # fmt: skip

    def _placed(self, made: Made, name: str, inputs: Mapping[str, Port], call: ast.AST) -> Port:
        if made.node:
            self.refuse(call, f"{name} is used twice: share its weights by nn.Parameter instead")
        port = self._add(made.operator, name, made.attributes, inputs, call)
        made.node = port[0]
        for parameter, shared in made.tied.items():
            source = ast.Attribute(value=ast.Name("self"), attr=shared)
            ast.copy_location(source, call)
            held = self._held(source)
            self.graph.connect(held[0], port[0], input=parameter)
        if made.frozen:
            own = frozenset(our_name(made.operator, p) for p in made.frozen)
            self.graph.update(port[0], frozen=own)
        return port

    def _add(
        self, operator: str, wished: str, attributes: Mapping[str, Any],
        inputs: Mapping[str, Port], where: ast.AST,
    ) -> Port:  # fmt: skip
        name = wished if wished and wished not in self.graph else None
        try:
            node = self.graph.add(operator, name=name, **attributes)
            for input, port in inputs.items():
                self.graph.connect(port[0], node, input=input, output=port[1])
        except GradscapeError as error:
            self.refuse(where, str(error).rstrip("."))
        return node.name, node.outputs[0]


def _is_module(c: ast.ClassDef) -> bool:
    return any(ast.unparse(base).rsplit(".", 1)[-1] == "Module" for base in c.bases)


def _is_text(e: ast.expr) -> bool:
    return isinstance(e, ast.Constant) and isinstance(e.value, str)


def _operator(name: str) -> OperatorClass | None:
    """The operator that a function is called after: relu, max_pool2d, cross_entropy, cat."""
    plain = name.replace("_", "").lower()
    if plain in _OTHER_NAMES:
        return ops.get(_OTHER_NAMES[plain])
    by_name = {n.lower(): n for n in ops.names()}
    found = by_name.get(plain) or by_name.get(f"{plain}loss")
    return ops.get(found) if found else None
