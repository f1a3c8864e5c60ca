"""What is known of a parameter before a plan holds its numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass
class ParameterInfo:
    """Where a parameter lies in the flat buffer and how it starts."""

    name: str
    node: str
    shape: tuple[int, ...]
    initializer: str
    fans: tuple[int, int]
    frozen: bool
    offset: int = 0


def seed_of(seed: int, name: str) -> int:
    """A seed of its own for every name, so that adding a parameter moves no other's start."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")
