"""Calls the methods of tensors, lists, modules and containers."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphcore.files.torch.arithmetic import guarded
from graphcore.files.torch.objects import all_parameters
from graphcore.files.torch.values import (
    Chain,
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
    Value,
    Zeros,
    refuse,
    source,
)
from graphcore.late import torch

if TYPE_CHECKING:
    from graphcore.files.torch.reader import Reader

_SAME = ("contiguous", "float")
"""Methods that return the very tensor."""


def _stays(name: str, given: Sequence[Value], named: Mapping[str, Value]) -> bool:
    """Whether a method only says on which device a tensor lies: ``.to(x.device)``."""
    where = given[0] if len(given) == 1 and not named else None
    return name == "to" and isinstance(where, Method) and where.name == "device"


class Methods:
    """Calls methods, by what they belong to."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def call(
        self, method: Method, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """Call a method of a value."""
        owner, name = method.owner, method.name
        if method.function is not None:
            return self._reader.calls.entered(
                method.function, owner, method.cls, [owner, *given], named, where
            )
        if isinstance(owner, Method) and owner.name == "super" and owner.cls is not None:
            return self._of_parent(owner, name, given, named, where)
        if isinstance(owner, Zeros | Numbers | Tensor) and _stays(name, given, named):
            return owner
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
        line = self._reader.objects.line_of(own.cls, where)
        for one in line[line.index(cls) + 1 :]:
            for statement in one.body:
                if isinstance(statement, ast.FunctionDef) and statement.name == name:
                    return self._reader.calls.entered(
                        statement, own, one, [own, *given], named, where
                    )
        if name == "__init__":
            if own.chain is not None:
                own.chain.parts = self._reader.packages.chain(
                    own.chain.kind, given, named, where
                ).parts
            elif given or named:
                refuse(where, f"{source(where)}: nn.Module takes no arguments")
            return None
        if name == "forward" and own.chain is not None:
            return self._reader.calls.chained(own.chain, given, named, where)
        refuse(where, f"{source(where)} is not understood")

    def _of_tensor(
        self, owner: Tensor | State, name: str, given: Sequence[Value],
        named: Mapping[str, Value], wished: str, where: ast.AST,
    ) -> Value:  # fmt: skip
        if isinstance(owner, State):
            if name == "squeeze" and list(given) == [0] and not named:
                if len(owner.tensors) * owner.ways == 1:
                    return owner.tensors[0]
                return owner
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
            result = self._reader.nodes.function(name[:-1], [owner, *given], named, wished, where)
            return self._reader.nodes.changed_in_place(owner, result, where)
        return self._reader.nodes.function(name, [owner, *given], named, wished, where)

    def _of_plain(
        self, owner: Any, name: str, given: Sequence[Value], named: Mapping[str, Value],
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """Methods of lists and dicts."""
        known: dict[type, tuple[str, ...]] = {list: ("append", "extend", "insert", "pop"),
                 dict: ("items", "keys", "values", "get", "update")}  # fmt: skip
        if name not in known.get(type(owner), ()):
            refuse(where, f"{source(where)} is not understood")
        result = guarded(where, lambda: getattr(owner, name)(*given, **named))
        return list(result) if name in ("items", "keys", "values") else result

    def _of_module(
        self, owner: Value, name: str, given: Sequence[Value], named: Mapping[str, Value],
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """Methods that every module has, and those of containers."""
        if name == "requires_grad_" and not named:
            self._reader.statements.freeze(where, owner, bool(given) and given[0] is False)
            return owner
        if name == "parameters" and isinstance(owner, Own | Chain | Layer):
            return all_parameters(owner)
        if name == "forward" and isinstance(owner, Layer | Chain):
            return self._reader.calls.call(owner, given, named, "", where)
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
