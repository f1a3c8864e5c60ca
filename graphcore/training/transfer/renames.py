"""Names that nodes had before: weights go on under another name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


class Renames:
    """The names of nodes in an older net, by their names now; ``block/fc`` inside composites."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = list(pairs)

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Note more renames in their order, each from an old name to a new one."""
        self._pairs += pairs

    def former(self, path: str) -> str | None:
        """Return the name before; None for a node that has taken another one's former name."""
        for old, new in reversed(self._pairs):
            if f"{path}/".startswith(f"{new}/"):
                path = old + path[len(new) :]
            elif f"{path}/".startswith(f"{old}/"):
                return None
        return path

    def clear(self) -> None:
        """Forget all renames: the older net has today's names."""
        self._pairs.clear()


def under_new_names(tensors: dict[str, T], pairs: Iterable[tuple[str, str]]) -> dict[str, T]:
    """Return tensors by name, ``node.parameter``, under the names that their nodes have now."""
    for old, new in pairs:
        tensors = {
            new + name[len(old) :] if name.startswith((f"{old}.", f"{old}/")) else name: tensor
            for name, tensor in tensors.items()
        }
    return tensors
