"""Which aten overloads a graph may name, and with which arguments: the project's own table.

Graph files come from strangers. Nothing outside ``aten_table.json`` is ever called, and every
argument is checked against it when a graph is read; none of this needs torch.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from graphcore.dims import Batch, Dim, Shape
from graphcore.errors import AttributeRefusedError

LONGEST_TEXT = 20_000
MOST_ITEMS = 256
LARGEST_INT = 2**63 - 1
"""Also the end of an axis, as torch writes it."""
_SIZE = re.compile(r"(\d{0,9})N([+-]\d{1,9})?")
_INPUT = re.compile(r"x(0|[1-9]\d{0,3})")
NUMBERS = ("float", "int", "bool")
"""Words for a dtype: the net's own floats, int64, bool."""


@cache
def table() -> dict[str, dict[str, Any]]:
    """Overload -> arguments and results."""
    file = resources.files("graphcore.ops").joinpath("aten_table.json")
    found: dict[str, dict[str, Any]] = json.loads(file.read_text())
    return found


def row_of(overload: str) -> dict[str, Any]:
    """The row of an overload; raises AttributeRefusedError."""
    try:
        return table()[overload]
    except KeyError:
        raise AttributeRefusedError(
            f"Aten: {overload[:60]!r} is none of the {len(table())} overloads there are here."
        ) from None


@lru_cache(maxsize=4096)
def parsed(text: str) -> Any:
    """The content of an attribute that is written as JSON; raises AttributeRefusedError."""
    if len(text) > LONGEST_TEXT:
        raise AttributeRefusedError(f"Aten: an attribute is longer than {LONGEST_TEXT:,} signs.")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise AttributeRefusedError(f"Aten: {text[:60]!r} is no JSON.") from None
    if not isinstance(content, dict):
        raise AttributeRefusedError(f"Aten: {text[:60]!r} is no JSON object.")
    return content


def check_arguments(overload: str, arguments: dict[str, Any]) -> None:
    """Raise AttributeRefusedError unless the overload takes these arguments."""
    rows = {a["name"]: a for a in row_of(overload)["arguments"]}
    for name, value in arguments.items():
        if name not in rows:
            raise AttributeRefusedError(f"Aten: {overload} has no argument {name[:40]!r}.")
        if not _fits(rows[name]["type"], rows[name], value):
            raise AttributeRefusedError(
                f"Aten: {name} of {overload} cannot be {json.dumps(value)[:60]}."
            )
    for name, row in rows.items():
        if row.get("needed") and name not in arguments:
            raise AttributeRefusedError(f"Aten: {overload} needs the argument {name}.")


def _fits(kind: str, row: dict[str, Any], value: Any) -> bool:
    if "only" in row and value not in row["only"]:
        return False
    if kind.endswith("?"):
        return value is None or _fits(kind[:-1], row, value)
    if kind.endswith("[]"):
        return (
            isinstance(value, list)
            and len(value) <= MOST_ITEMS
            and all(_fits(kind[:-2], row, v) for v in value)
        )
    if kind == "Tensor":
        return isinstance(value, str) and _INPUT.fullmatch(value) is not None
    if kind == "int":
        return _is_int(value) or is_size(value)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "str":
        return value in row.get("words", ())
    if kind == "dtype":
        return value in NUMBERS
    if kind == "Scalar" and isinstance(value, bool):
        return True
    return _is_int(value) or _is_float(value)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_INT


def _is_float(value: Any) -> bool:
    return isinstance(value, float) or value in ("Infinity", "-Infinity", "NaN")


def is_size(value: Any) -> bool:
    """Whether a text is a multiple of the batch size, "2N" or "N+1"."""
    return isinstance(value, str) and _SIZE.fullmatch(value) is not None


def sized(text: str, batch: int) -> int:
    """Return the number that "2N+1" is for a batch size."""
    match = _SIZE.fullmatch(text)
    assert match is not None
    return int(match[1] or 1) * batch + int(match[2] or 0)


def plain_float(value: Any) -> float:
    """A number, or the word of one that JSON has none for."""
    return math.nan if value == "NaN" else float(value)


# -- shapes ---------------------------------------------------------------------------------------


def read_shapes(content: Any, what: str) -> tuple[Shape, ...]:
    """Shapes as a graph file has them, [["N", 3], [2]]; raises AttributeRefusedError."""
    if not isinstance(content, list) or len(content) > MOST_ITEMS:
        raise AttributeRefusedError(f"Aten: {what} is a list of shapes.")
    return tuple(_shape(s) for s in content)


def _shape(content: Any) -> Shape:
    if not isinstance(content, list) or len(content) > 32:
        raise AttributeRefusedError("Aten: a shape is a list of sizes.")
    return tuple(map(_dim, content))


def _dim(content: Any) -> Dim:
    if _is_int(content) and content >= 0:
        return int(content)
    match = _SIZE.fullmatch(content) if isinstance(content, str) else None
    if match is None or match[2]:
        raise AttributeRefusedError(
            f"Aten: a size is a number or a multiple of N, got {content!r}."
        )
    return Batch(int(match[1] or 1))


def written_shapes(shapes: tuple[Shape, ...]) -> list[list[int | str]]:
    """Shapes as ``read_shapes`` takes them."""
    return [[d if isinstance(d, int) else repr(d) for d in shape] for shape in shapes]


def inputs_of(arguments: dict[str, Any], overload: str) -> list[str]:
    """Names of the inputs that the tensor arguments read ("x0", ...), in order."""
    found: list[str] = []
    for row in row_of(overload)["arguments"]:
        value = arguments.get(row["name"])
        if row["type"].startswith("Tensor") and value is not None:
            found += [v for v in (value if isinstance(value, list) else [value]) if v is not None]
    return found
