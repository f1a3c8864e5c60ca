"""What the File menu takes from other programs: a PyTorch module's source, and weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from app.files.exports import Exports
from app.widgets import file_dialogs
from graphcore import files
from graphcore.errors import GradscapeError, short
from graphcore.views.net_files import LoadWeights, WeightsLoaded

MOST_NAMES = 4


class Imports(QObject):
    """Sources are read by a process of its own, weights by the engine.

    Args:
        window: has ``engine``, ``document``, ``files``, ``banner``, ``refuse``.
    """

    def __init__(self, window: Any, exports: Exports) -> None:
        super().__init__(window)
        self._window, self._engine, self._exports = window, window.engine, exports
        self._weights = ""
        if self._engine is not None:
            self._engine.on(WeightsLoaded, self._on_weights)
            self._engine.loaded.connect(self._on_loaded)

    def open_script(self) -> None:
        """Ask for a PyTorch source and open it as a new graph, with the weights beside it."""
        window = self._window
        if path := window.files.ask(file_dialogs.ask_source):
            self._exports.read_script(path, partial(self._open, Path(path)))

    def _open(self, source: Path, made: Path) -> None:
        window = self._window
        try:
            graph = files.load(made)
        except GradscapeError as error:
            window.refuse(str(error))
            return
        if not window.files.may_leave():
            return
        beside = source.with_suffix(".safetensors")
        self._weights = str(beside) if beside.is_file() else ""
        window.document.open_graph(graph)
        window.files.opened.emit()

    def _on_loaded(self, _loaded: object) -> None:
        path, self._weights = self._weights, ""
        if path:
            self._engine.ask(LoadWeights(path))

    def load_weights(self) -> None:
        """Ask for a safetensors file and fill the net from it, all or nothing."""
        if self._engine is None or not self._engine.has_net:
            self._window.refuse(self.tr("The engine has no net yet: finish the graph first."))
        elif path := self._window.files.ask(file_dialogs.ask_weights):
            self._engine.ask(LoadWeights(path))

    def _on_weights(self, news: WeightsLoaded) -> None:
        name = Path(news.path).name
        if news.problem:
            self._window.refuse(news.problem)
            return
        text = self.tr("All {0} tensors of the net were taken from {1}.").format(
            len(news.loaded), short(name)
        )
        for words, found in (
            (self.tr("Found by shape alone: {0}."), news.by_shape),
            (self.tr("Not used: {0}."), news.unused),
        ):
            if found:
                more = " …" if len(found) > MOST_NAMES else ""
                text += " " + words.format(", ".join(map(short, found[:MOST_NAMES])) + more)
        self._window.banner.show_message(text)
