"""What the constructor of a PyTorch module makes, read from its source."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from graphcore import ops
from graphcore.errors import FileError
from graphcore.late import torch
from graphcore.ops.registry import OperatorClass

_DERIVED = {
    "in_features", "in_channels", "num_features", "num_channels", "input_size", "embed_dim",
    "batch_first", "inplace", "num_parameters", "device", "dtype", "return_indices",
}  # fmt: skip
"""Arguments of layers that follow from the input, or say nothing about what is computed."""


@dataclass
class Made:
    """What ``__init__`` made: a layer with its arguments, a parameter or a constant."""

    operator: str
    attributes: dict[str, Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    tied: dict[str, str] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    parts: list[Made] = field(default_factory=list)
    node: str = ""


class LayerReader:
    """Reads constructors.

    Attributes:
        made: name behind ``self.`` -> what it is.
    """

    def __init__(self) -> None:
        self.made: dict[str, Made] = {}

    def refuse(self, where: ast.AST, what: str) -> NoReturn:
        raise FileError(f"Line {getattr(where, 'lineno', '?')}: {what}; nothing was opened.")

    def construct(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign):
            self._assign_in_constructor(statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            call = statement.value
            name = ast.unparse(call.func)
            if name == "self.register_buffer":
                value = _tensor(call.args[1])
                if value is None:
                    self.refuse(call, "a buffer that is no plain number or list")
                self.made[str(literal(call.args[0]))] = Made("Constant", {"value": value})
            elif name.endswith(".requires_grad_"):
                layer, parameter = name.split(".")[1:3]
                self.made[layer].frozen.add(parameter)

    def _assign_in_constructor(self, statement: ast.Assign) -> None:
        target = ast.unparse(statement.targets[0])
        if not target.startswith("self.") or not isinstance(statement.value, ast.Call):
            if target.count(".") == 2 and target.startswith("self."):
                layer, parameter = target.split(".")[1:]
                shared = ast.unparse(statement.value).removeprefix("self.")
                if layer in self.made:
                    self.made[layer].tied[our_name(self.made[layer].operator, parameter)] = shared
            return
        name = target.removeprefix("self.")
        made = self._made(statement.value)
        if made is not None:
            self.made[name] = made

    def _made(self, call: ast.Call) -> Made | None:
        """A layer from the call that makes it; None for what is none."""
        function = ast.unparse(call.func)
        if function in ("nn.Parameter", "torch.nn.Parameter"):
            shape = _shape_of(call.args[0])
            if shape is None:
                self.refuse(call, "a parameter whose shape is not written out")
            frozen = any(k.arg == "requires_grad" and not literal(k.value) for k in call.keywords)
            return Made("Parameter", {"shape": shape}, frozen={"value"} if frozen else set())
        name = function.rsplit(".", 1)[-1]
        if name == "Sequential":
            parts = [self._made(a) for a in call.args if isinstance(a, ast.Call)]
            return Made("Sequential", {}, parts=[p for p in parts if p is not None])
        if name not in ops.names():
            return None
        given = self.bound(call, getattr(torch.nn, name, None), ops.get(name), skip=0)
        return Made(name, self.attributes(call, ops.get(name), given), given)

    def bound(self, call: ast.Call, function: Any, op: OperatorClass, skip: int) -> dict[str, Any]:
        """Arguments by name; the first ``skip`` are tensors."""
        values = [literal(a) for a in call.args[skip:]]
        names = [a.name for a in op.attrs]
        try:
            parameters = list(inspect.signature(function).parameters.values())[skip:]
            if not any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
                names = [p.name for p in parameters]
        except (TypeError, ValueError):
            pass  # a function that is written in C++: its order is the attributes'
        given = dict(zip(names, values, strict=False))
        return {**given, **{k.arg: literal(k.value) for k in call.keywords if k.arg}}

    def attributes(self, call: ast.AST, op: OperatorClass, given: Mapping[str, Any]) -> Any:
        known = {a.name for a in op.attrs}
        for name, value in given.items():
            if name not in known and name not in _DERIVED and value not in (None, False):
                if name in ("training", "average_attn_weights", "need_weights", "attn_mask"):
                    continue
                self.refuse(call, f"{op.name} has no attribute called {name}")
        taken = {k: v for k, v in given.items() if k in known}
        if any(v is UNKNOWN for v in taken.values()):
            self.refuse(call, f"{op.name} takes something that is not written out")
        return taken


class _Unknown:
    """What is no plain value."""


UNKNOWN = _Unknown()


def literal(e: ast.AST) -> Any:
    try:
        return ast.literal_eval(e)
    except (ValueError, TypeError, SyntaxError):
        return UNKNOWN


def _tensor(e: ast.expr) -> Any:
    """Numbers of torch.tensor(...); None for anything else."""
    if isinstance(e, ast.Call) and ast.unparse(e.func) == "torch.tensor":
        value = literal(e.args[0])
        return None if value is UNKNOWN else value
    return None


def _shape_of(e: ast.expr) -> tuple[int, ...] | None:
    """Shape of torch.zeros(3, 4) and its like."""
    if not isinstance(e, ast.Call):
        return None
    sizes: Sequence[Any] = [literal(a) for a in e.args]
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        sizes = sizes[0]
    return tuple(sizes) if all(isinstance(s, int) for s in sizes) else None


def our_name(operator: str, parameter: str) -> str:
    """Our name of a layer's parameter."""
    theirs = {v: k for k, v in ops.get(operator).torch_code.names.items()}
    return theirs.get(parameter, parameter)
