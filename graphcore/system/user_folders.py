"""Where this program keeps files of its own for the user."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import platformdirs

HOMELESS = Path(os.sep, ".gradscape")
"""In place of the user's folders where there is no home folder, as Qt takes the root then."""


def data_folder() -> Path:
    """Return the folder of what the user made."""
    return _folder(platformdirs.user_data_dir, "data", appauthor=False)


def log_folder() -> Path:
    """Return the folder of the logs."""
    return _folder(platformdirs.user_log_dir, "log", appauthor=False)


def cache_folder() -> Path:
    """Return the folder of what can be made or fetched again."""
    return _folder(platformdirs.user_cache_dir, "cache")


def _folder(find: Callable[..., str], kind: str, **options: bool) -> Path:
    """Return an absolute path, also where the user has neither HOME nor an entry in the system."""
    try:
        folder = Path(find("gradscape", **options))
    except RuntimeError:  # older versions return a path that begins with ~
        return HOMELESS / kind
    return folder if folder.is_absolute() else HOMELESS / kind
