"""Runs a module of ours in a process of its own, whatever lies in the current folder.

    python -P graphcore/system/start.py MODULE ARGUMENTS

``python -m MODULE`` would look for every module in the current folder first, the standard
library's too. Packages of others that are called as ours are not taken either.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import runpy
import sys

_ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
_OURS = ("graphcore", "app", "resources")


def arguments(module: str, *further: str) -> list[str]:
    """Return what the Python interpreter is given to run a module with further arguments."""
    return ["-P", os.path.abspath(__file__), module, *further]


def command(module: str, *further: str) -> list[str]:
    """Return the whole command: this interpreter and its arguments."""
    return [sys.executable, *arguments(module, *further)]


def lowest_priority() -> None:
    """Let this thread, and those that it starts, compute only when no other process wants to."""
    if hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    elif hasattr(os, "nice"):
        os.nice(19)


def _take_ours() -> None:
    """Import our packages from where this file lies; their modules are then found inside them."""
    for name in _OURS:
        folder = os.path.join(_ROOT, name)
        if not os.path.isdir(folder):
            continue
        spec = importlib.util.spec_from_file_location(
            name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
        )
        if spec is not None and spec.loader is not None:
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])


if __name__ == "__main__":
    os.environ["PYTHONSAFEPATH"] = "1"  # for the processes that this one starts
    _take_ours()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
