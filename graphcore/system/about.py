"""What is installed here, in lines for a report."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from graphcore.system import user_folders

PARTS = ("torch", "numpy", "PySide6-Essentials", "pyqtgraph")


def versions() -> list[str]:
    """Return the versions of Python, of the system and of what the app rests on."""
    lines = [
        f"Python {platform.python_version()}",
        f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores",
    ]
    return lines + [f"{name} {_version(name)}" for name in PARTS]


def folders() -> list[str]:
    """Return where files of the user's are kept."""
    return [
        f"data    {user_folders.data_folder()}", f"cache   {user_folders.cache_folder()}",
        f"log     {user_folders.log_folder()}",
    ]  # fmt: skip


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
