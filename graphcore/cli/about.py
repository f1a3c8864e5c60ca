"""``gradscape --version``: what is installed, what it computes on, where it keeps files."""

from __future__ import annotations

from graphcore import __version__
from graphcore.engine import devices
from graphcore.system import about


def lines() -> list[str]:
    """Return the lines that the command prints."""
    there = [f"device {device.name}: {device.title}" for device in devices.available()]
    return [f"gradscape {__version__}", *about.versions(), *there, *about.folders()]
