"""Composites that the user keeps: a graph file each, offered wherever operators are."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from graphcore import files
from graphcore.files.atomic import make_folder
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.system import user_folders

SUFFIX = ".graph.json"
PREFIX = "block:"
"""Stands before a block's name where operators are named otherwise."""


class Blocks(QObject):
    """The folder of kept blocks.

    Signals:
        changed: a block came or went.
    """

    changed = Signal()

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return user_folders.data_folder() / "blocks"

    def names(self) -> list[str]:
        """Names of all blocks, in order."""
        return sorted(f.name.removesuffix(SUFFIX) for f in self.folder.glob(f"*{SUFFIX}"))

    def keep(self, node: Node) -> None:
        """Keep a composite under its name, in place of an older one; raises FileError."""
        graph = Graph()
        graph.insert(node.copy())
        make_folder(self.folder)
        files.save(graph, self.folder / f"{node.name}{SUFFIX}")
        self.changed.emit()

    def load(self, name: str) -> Graph:
        """A graph that holds the block alone; raises FileError."""
        return files.load(self.folder / f"{name}{SUFFIX}")


blocks = Blocks()
