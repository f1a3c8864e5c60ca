"""What is known of a parameter before a plan holds its numbers."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class ParameterInfo:
    """Where a parameter lies in the flat buffer and how it starts.

    Attributes:
        transposed: whether the numbers of a matrix lie column after column, as its operator's
            kernels read them fastest.
    """

    name: str
    node: str
    shape: tuple[int, ...]
    initializer: str
    fans: tuple[int, int]
    frozen: bool
    transposed: bool = False
    offset: int = 0

    @property
    def end(self) -> int:
        """The place behind its last number."""
        return self.offset + math.prod(self.shape)

    def place(self, index: int) -> int:
        """Where a number lies in the flat buffer, counted row by row."""
        if self.transposed:
            row, column = divmod(index, self.shape[1])
            index = column * self.shape[0] + row
        return self.offset + index

    def within(self, flat: Tensor, start: int = 0) -> Tensor:
        """The parameter in a flat buffer, in its shape: not a copy.

        Args:
            flat: numbers of a plan, or of a part of it that begins at ``start``.
        """
        numbers = flat[self.offset - start : self.end - start]
        if not self.transposed:
            return numbers.view(self.shape)
        return numbers.view(self.shape[::-1]).t()


def seed_of(seed: int, name: str) -> int:
    """A seed of its own for every name, so that adding a parameter moves no other's start."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")
