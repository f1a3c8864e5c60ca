"""The files that a data set is read from, and whether they are on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphcore.datasets.mnist import find_mnist
from graphcore.datasets.registry import describe
from graphcore.errors import DataError


def found() -> tuple[str, ...]:
    """Return the names of the data sets that lie in files and are on this machine."""
    return ("mnist",) if find_mnist() else ()


def files_of(name: str, options: Mapping[str, Any]) -> dict[str, Path]:
    """Return the files and folders that a data set reads: as the settings name them, and where.

    Those of a data set that is fetched are called by the names of the files.
    """
    if name == "mnist":
        return {path.name: path for path in find_mnist() or ()}
    try:
        wanted = [option.name for option in describe(name).options if option.path]
    except DataError:  # such as the batch of a script
        return {}
    paths = [str(options.get(option, "")) for option in wanted]
    return {path: Path(path).expanduser() for path in paths if path}
