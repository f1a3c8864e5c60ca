"""Another operator in a node's place: what it starts with, what stays, what it is called."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from graphcore import ops
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Node
from graphcore.graph.graph import usual_name

_USUAL: dict[str, Any] = {
    "out_features": 10, "out_channels": 8, "kernel_size": 3, "shape": (1,), "hidden_size": 32,
    "num_heads": 4, "num_embeddings": 10, "embedding_dim": 16, "num_groups": 1,
    "equation": "ij,jk->ik",
}  # fmt: skip
"""What a new node starts with where an operator leaves the choice open."""


def usual_attributes(operator: str) -> dict[str, Any]:
    """Return a usual value for each attribute that has no default."""
    return {a.name: _USUAL.get(a.name, 1) for a in ops.get(operator).attrs if a.required}


def in_place(old: Node, operator: str) -> Node:
    """Return a node of another operator in the place of one; attributes of both names stay."""
    op, usual = ops.get(operator), usual_attributes(operator)
    kept = {a.name: old.attributes[a.name] for a in op.attrs if a.name in old.attributes}
    try:
        full = op.complete({**usual, **kept})
    except GradscapeError:  # the name means something else there
        full = op.complete(usual)
    return replace(
        old, operator=operator, attributes=full, frozen=old.frozen & set(op.initializers),
        initializers={k: v for k, v in old.initializers.items() if k in op.initializers},
    )  # fmt: skip


def renamed(node: Node, operator: str) -> str:
    """Return its name with another operator: ``sigmoid2`` becomes ``relu2``, a chosen name stays.

    A node with parameters keeps its name, by which their numbers are known.
    """
    old, new = ops.get(node.operator), ops.get(operator)
    number = node.name.removeprefix(usual_name(old.name))
    by_operator = number != node.name and re.fullmatch(r"_?\d*", number)
    own = old.initializers or new.initializers
    return usual_name(new.name) + number if by_operator and not own else node.name
