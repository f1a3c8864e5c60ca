"""Which module a node came from: from what exporters write beside it, or from its name."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphcore.exchange.program import Module

if TYPE_CHECKING:
    import onnx

NAMES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
LONGEST = 4000
MOST_DEEP = 40
LAYER = "torch.nn."
"""Class prefix of a module that becomes one node; assumed where the file names no class."""


class Scopes:
    """Finds the modules of nodes.

    Attributes:
        folded: convolutions so far that stand for a batch norm, too.
    """

    def __init__(self) -> None:
        self.folded = 0

    def of(self, node: onnx.NodeProto) -> tuple[Module, ...]:
        """The modules that a node stands in, the outermost first."""
        told = {p.key: p.value for p in node.metadata_props if p.key in (NAMES, CLASSES)}
        if NAMES not in told:
            return _from_name(node.name)
        found = _told(_words(told[NAMES]), _words(told.get(CLASSES, "")))
        if node.op_type == "Conv" and found and ".batchnorm." in found[-1].title:
            self.folded += 1
            path = node.input[1].removesuffix(".weight")
            return (*found[:-1], Module(path, f"{LAYER}modules.conv.Conv", path))
        return found


def _words(text: str) -> list[str]:
    """A list of words as Python writes it; nothing else is read."""
    if not text or len(text) > LONGEST:
        return []
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return []
    whole = isinstance(found, list) and all(isinstance(w, str) for w in found)
    return found[: MOST_DEEP + 2] if whole else []


def _told(paths: Sequence[str], classes: Sequence[str]) -> tuple[Module, ...]:
    """Modules from their paths; the net itself comes first, the operation last."""
    inner = list(paths[1:-1])
    titles = list(classes[1:-1]) if len(classes) == len(paths) else []
    return tuple(
        Module(path, titles[i] if titles else f"{LAYER}{path.rpartition('.')[2]}", path)
        for i, path in enumerate(inner)
        if path
    )


def _from_name(name: str) -> tuple[Module, ...]:
    """Modules from a name such as "/blocks/blocks.0/conv/Conv"."""
    if not name.startswith("/") or len(name) > LONGEST:
        return ()
    found: list[Module] = []
    for part in name.split("/")[1:-1][:MOST_DEEP]:
        above = found[-1].path if found else ""
        if part:
            path = _joined(above, part)
            found.append(Module(path, LAYER + path.rpartition(".")[2], path))
    return tuple(found)


def _joined(above: str, part: str) -> str:
    """A part's path: "layer1" and "layer1.0" lie in one another, others follow."""
    if not above:
        return part
    first = part.split(".", maxsplit=1)[0]
    names = above.split(".")
    if "." in part and first in names:
        place = len(names) - 1 - names[::-1].index(first)
        return ".".join([*names[:place], part])
    return f"{above}.{part}"
