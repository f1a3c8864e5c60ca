"""Calls the functions and layers of other packages."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphcore import ops
from graphcore.files.torch import signatures
from graphcore.files.torch.arithmetic import MOST_PARTS, guarded, plain
from graphcore.files.torch.values import (
    Chain,
    Held,
    Layer,
    Length,
    Numbers,
    Own,
    Tensor,
    Value,
    Zeros,
    described,
    refuse,
    source,
)
from graphcore.late import torch

if TYPE_CHECKING:
    from graphcore.files.torch.reader import Reader

BUILTINS: dict[str, Callable[..., Any]] = {
    "range": range, "len": len, "int": int, "float": float, "str": str, "bool": bool, "max": max,
    "min": min, "sum": sum, "abs": abs, "round": round, "list": list, "tuple": tuple,
    "dict": dict, "enumerate": enumerate, "zip": zip, "reversed": reversed,
}  # fmt: skip
_HOLDERS = ("len", "list", "tuple", "dict", "enumerate", "zip", "reversed")
"""Built-ins that only hand round what they are given."""
_MATHS = ("sqrt", "ceil", "floor", "log", "log2", "exp", "prod", "pi")
_FILLS = {"zeros": "zeros", "ones": "ones", "empty": "empty", "randn": "normal(0, 1)",
          "rand": "uniform(0, 1)"}  # fmt: skip


class Packages:
    """Calls what a source imports: torch, its layers, math, and the built-ins."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def call(
        self, path: str, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """Call a function or make a layer that is imported under a path."""
        owner, _, name = path.rpartition(".")
        if path in ("torch.nn.Module.__init__", "builtins.print"):
            return None
        if owner == "torch.nn":
            return self._module(name, given, named, where)
        if path == "collections.OrderedDict":
            return guarded(where, lambda: dict(*given, **named))
        if owner == "builtins" and name in BUILTINS:
            return self._builtin(name, given, named, where)
        if owner == "math" and name in _MATHS and all(map(plain, given)):
            return guarded(where, lambda: getattr(math, name)(*given))
        if owner == "torch" and name in ("tensor", *_FILLS):
            return self._numbers(name, given, named, where)
        if owner in ("torch", "torch.nn.functional"):
            package = torch if owner == "torch" else torch.nn.functional
            if hasattr(package, name):
                return self._reader.nodes.function(name, given, named, wished, where)
        refuse(where, f"{source(where)}: {path} has no counterpart here")

    def _module(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Value:
        """What ``nn.NAME(...)`` makes."""
        if name == "Parameter":
            return self._parameter(given, named, where)
        if name in ("Sequential", "ModuleList", "ModuleDict"):
            return self.chain(name, given, named, where)
        return self.layer(name, given, named, where)

    def _builtin(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Value:
        if name == "len" and isinstance(given[0], Tensor):
            return Length(given[0], 0)
        given = [list(v.parts.values()) if isinstance(v, Chain) else v for v in given]
        if name == "sum" and given and isinstance(given[0], list | tuple) and not named:
            return self._summed(given, where)
        if name not in _HOLDERS and not all(map(plain, given)):
            refuse(where, f"{source(where)} is known only when the net runs")
        result = guarded(where, lambda: BUILTINS[name](*given, **named))
        if isinstance(result, range) and len(result) > MOST_PARTS:
            refuse(where, f"{source(where)} has too many parts")
        once = name in ("enumerate", "zip", "reversed")
        return guarded(where, lambda: list(result)) if once else result

    def _summed(self, given: Sequence[Value], where: ast.AST) -> Value:
        total: Value = given[1] if len(given) > 1 else 0
        for value in given[0]:
            total = self._reader.expressions.calculated(where, ast.Add(), total, value, "")
        return total

    def layer(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Layer:
        """Return the layer that ``nn.NAME(...)`` makes."""
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

    def chain(
        self, kind: str, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> Chain:
        """Return the container that nn.Sequential, ModuleList or ModuleDict makes."""
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
    ) -> Numbers | Zeros:
        others = {k: v for k, v in named.items() if k not in ("dtype", "device", "requires_grad")}
        if others or not given:
            refuse(where, f"{source(where)} is not understood")
        if name == "tensor":
            if len(given) != 1 or not plain(given[0]):
                refuse(where, f"{source(where)}: the numbers are not written out")
            return Numbers({"value": given[0]})
        sizes = given[0] if isinstance(given[0], tuple | list) else given
        if name == "zeros" and any(isinstance(s, Length) for s in sizes):
            return Zeros()
        if not all(isinstance(s, int) and not isinstance(s, bool) for s in sizes):
            refuse(where, f"{source(where)}: the shape is not written out")
        return Numbers({"shape": tuple(sizes)}, _FILLS[name])
