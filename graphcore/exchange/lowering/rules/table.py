"""The table of rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from graphcore.exchange.lowering.builder import Builder, Result

Rule = Callable[[Builder, dict[str, Any]], Result]
RULES: dict[str, Rule] = {}
"""aten overload -> function that makes nodes of a call; it raises NotOurs where it cannot."""
_R = TypeVar("_R", bound=Rule)


def rule(*overloads: str) -> Callable[[_R], _R]:
    """Decorator: the rule of these overloads, "aten." left out, ".default" too."""

    def keep(function: _R) -> _R:
        for overload in overloads:
            full = overload if "." in overload else f"{overload}.default"
            RULES[f"aten.{full}"] = function
        return function

    return keep
