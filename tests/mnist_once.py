"""MNIST's files are read once by each process, however many tests train on them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from graphcore.datasets import mnist

_read_pair = mnist._read_pair


@functools.cache
def _read(images: Path, labels: Path, _written: tuple[int, int]) -> tuple[Any, list[str]]:
    digests: list[str] = []
    return _read_pair(images, labels, digests), digests


def _read_pair_once(images: Path, labels: Path, digests: list[str]) -> Any:
    written = images.stat().st_mtime_ns, labels.stat().st_mtime_ns
    pair, found = _read(images, labels, written)
    digests += found
    return pair


def keep() -> None:
    """Let later loads have the arrays of the first; nobody writes into them."""
    mnist._read_pair = _read_pair_once
