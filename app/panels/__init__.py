"""The panels around the canvas: a folder each, which holds the panel's row and its widget.

``PANELS`` is made of the ``ROW`` of every folder; ``panel.Panel`` is the widgets' base.
"""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from importlib import import_module

from app.panels.row import Row

LAYOUTS = ("Build", "Explain", "Train", "Present")


def _rows() -> list[Row]:
    """The rows of all folders, in their order."""
    folders = [m.name for m in pkgutil.iter_modules(__path__, f"{__name__}.") if m.ispkg]
    rows = [(name, getattr(import_module(name), "ROW", None)) for name in folders]
    found = [replace(row, folder=name) for name, row in rows if row is not None]
    return sorted(found, key=lambda row: row.order)


PANELS: tuple[Row, ...] = tuple(_rows())
