"""How operators are written in plain PyTorch, where their names do not say it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, Any]
"""What a call is filled from: see ``TorchCode.call``."""


@dataclass(frozen=True)
class TorchCode:
    """What code export has to know of an operator beside its name and attributes.

    Left empty, an operator is the layer of its name in torch.nn, else the function of its name
    in torch, called with the inputs and the attributes.

    Attributes:
        call: the expression that computes it, filled by ``str.format`` from the inputs' names,
            the attributes, ``layer`` (the layer, where there is one) and ``inputs`` (all inputs,
            with commas between); a function of those and of ``shapes`` where that is too little.
        layer: whether it is a layer of torch.nn although ``call`` is given.
        arguments: further arguments of the layer, filled from the shapes of the parameters and
            of the inputs.
        names: parameter input -> its name in the layer, where that is another.
        helper: source of a function or class that ``call`` uses.
    """

    call: str | Callable[[Values], str] = ""
    layer: bool = False
    arguments: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    helper: str = ""


class Source(str):
    """A value that is written as it stands."""

    def __repr__(self) -> str:
        return str(self)


def call(function: str, target: Callable[..., Any], *inputs: str, **attributes: Any) -> str:
    """Source of a call that leaves out what ``target``, the function itself, takes by default."""
    return f"{function}({', '.join([*inputs, *_keywords(target, attributes)])})"


def _keywords(target: Callable[..., Any], attributes: Mapping[str, Any]) -> list[str]:
    """Attributes as source: those that ``target`` insists on by place, the rest by name."""
    known: Mapping[str, inspect.Parameter] = {}
    try:
        known = inspect.signature(target).parameters
    except ValueError:  # a function of torch's that is written in C++, where None means default
        attributes = {k: v for k, v in attributes.items() if v is not None and v is not False}
    takes_all = not known or any(p.kind is p.VAR_KEYWORD for p in known.values())
    found = []
    for name, value in attributes.items():
        if takes_all:
            found.append(f"{name}={value!r}")
        elif name not in known:
            continue
        elif known[name].default is inspect.Parameter.empty:
            found.append(f"{value!r}")
        elif known[name].default != value:
            found.append(f"{name}={value!r}")
    return sorted(found, key=lambda text: "=" in text)


def layer(target: Callable[..., Any], name: str, attributes: Mapping[str, Any]) -> str:
    """Source that makes a layer; attributes in the order in which the layer takes them."""
    known = [n for n in inspect.signature(target).parameters if n in attributes]
    ordered = {n: attributes[n] for n in (*known, *(n for n in attributes if n not in known))}
    return call(f"nn.{name}", target, **ordered)


def module_name(text: str) -> str:
    """A name that Python can import: letters, digits and underscores."""
    name = re.sub(r"\W+", "_", text).strip("_") or "net"
    return f"net_{name}" if name[0].isdigit() else name
