"""Attribute values as text that a person types: ``3``, ``3, 5``, ``none``, ``[[1, 2], [3, 4]]``."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from graphcore.errors import AttributeRefusedError
from graphcore.ops import REQUIRED, Attr

_MAX_TEXT = 100_000


def format_value(value: Any) -> str:
    """What the editor shows; None is empty."""
    if value is None or value is REQUIRED:
        return ""
    if isinstance(value, tuple):
        if any(isinstance(v, tuple) for v in value):
            return json.dumps(value)
        return ", ".join(format_value(v) for v in value)
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


def parse_value(attr: Attr, text: str, what: str) -> Any:
    """The checked value; raises AttributeRefusedError with the sentence of the registry."""
    text = text.strip()
    if attr.kind == "text":
        return attr.check(text, what)
    if text.lower() in ("", "none"):
        return attr.check(() if attr.kind in ("shape", "ints") else None, what)
    return attr.check(_numbers(text, attr), what)


def _numbers(text: str, attr: Attr) -> Any:
    if attr.kind in ("ints", "size", "axes", "shape"):
        words = [w for w in re.split(r"[\s,;×x()\[\]]+", text) if w]
        values = [_number(w) for w in words]
        single = attr.kind in ("size", "axes") and len(values) == 1
        return values[0] if single else values
    if attr.kind == "array":
        if len(text) > _MAX_TEXT:
            raise AttributeRefusedError(f"{attr.name}: more than {_MAX_TEXT} characters.")
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            # 25 numbers as a spreadsheet gives them; a word among them is refused by name.
            words = [_number(w) for w in re.split(r"[\s,;]+", text) if w]
            return text if any(isinstance(w, str) for w in words) else words
    return _number(text)


def _number(word: str) -> Any:
    """An int, a float, or the word itself, which the check then refuses by name."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
