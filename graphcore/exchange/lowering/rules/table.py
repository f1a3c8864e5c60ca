"""The table of rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from graphcore.exchange.lowering.builder import Builder, Port, Result

Rule = Callable[[Builder, dict[str, Any]], Result | Sequence[Port | None]]
RULES: dict[str, Rule] = {}
"""aten overload -> function that makes nodes of a call; it raises NotOurs where it cannot.

A result that is None is left to the Aten operator.
"""
_R = TypeVar("_R", bound=Rule)


def rule(*overloads: str) -> Callable[[_R], _R]:
    """Decorator: the rule of these overloads, "aten." left out, ".default" too."""

    def keep(function: _R) -> _R:
        for overload in overloads:
            full = overload if "." in overload else f"{overload}.default"
            RULES[f"aten.{full}"] = function
        return function

    return keep
