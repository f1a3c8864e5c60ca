"""Operators of other programs that have no counterpart."""

from __future__ import annotations

import json
from typing import Any

from graphcore.exchange.lowering.builder import Builder, Result, shape_of
from graphcore.exchange.lowering.rules.table import RULES
from graphcore.exchange.program import PLACEHOLDER
from graphcore.ops import aten_schema


def placeholder(b: Builder, a: dict[str, Any]) -> Result:
    """A node with the shapes that the file says, which is never computed."""
    inputs = [b.port(x) for x in a["inputs"]]
    values = [b.value_of(i) for i in range(len(b.call.outputs))]
    known = {
        "x": aten_schema.written_shapes(tuple(p.shape for p in inputs)),
        "y": aten_schema.written_shapes(tuple(map(shape_of, values))),
    }
    port = b.add(
        "Placeholder", *inputs, number=tuple(v.number for v in values), kind=a["kind"],
        name=a["kind"].rpartition(".")[2].lower(), settings=a["settings"],
        known_shapes=json.dumps(known),
    )  # fmt: skip
    return b.outputs(port)


RULES[PLACEHOLDER] = placeholder
