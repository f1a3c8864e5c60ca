"""What the File menu takes from other programs: a module's source, an exported net, weights."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from app.files.exports import Exports
from app.widgets import file_dialogs
from graphcore import files
from graphcore.errors import GradscapeError, short
from graphcore.session.messages import Loaded
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
        self._kept: tempfile.TemporaryDirectory[str] | None = None
        window.document.opened.connect(self._forget)
        if self._engine is not None:
            self._engine.on(WeightsLoaded, self._on_weights)
            self._engine.loaded.connect(self._on_loaded)

    def open_script(self) -> None:
        """Ask for a source or an exported net and open it as a new graph, with its weights."""
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
        window.document.open_graph(graph)
        self._weights = self._weights_of(source, made)
        window.files.opened.emit()
        report = made.with_name(f"{source.stem}.import.txt")
        if report.is_file():
            window.banner.show_message(report.read_text(encoding="utf-8").replace("\n", " "))

    def _weights_of(self, source: Path, made: Path) -> str:
        """Weights that were read with a net, kept until the engine takes them; or those beside."""
        read = made.with_name(f"{source.stem}.safetensors")
        if not read.is_file():
            beside = source.with_suffix(".safetensors")
            return str(beside) if beside.is_file() else ""
        self._kept = tempfile.TemporaryDirectory(prefix="gradscape-")
        return shutil.copy(read, self._kept.name)

    def _forget(self) -> None:
        """Weights that wait belong to the graph that was open."""
        self._weights = ""
        if self._kept is not None:
            self._kept.cleanup()
            self._kept = None

    def _on_loaded(self, loaded: Loaded) -> None:
        if self._weights and not loaded.problem:  # without a loss the engine has no net yet
            path, self._weights = self._weights, ""
            self._engine.ask(LoadWeights(path))

    def load_weights(self) -> None:
        """Ask for a safetensors file and fill the net from it, all or nothing."""
        if self._engine is None or not self._engine.has_net:
            self._window.refuse(self.tr("The engine has no net yet: finish the graph first."))
        elif path := self._window.files.ask(file_dialogs.ask_weights):
            self._engine.ask(LoadWeights(path))

    def _on_weights(self, news: WeightsLoaded) -> None:
        name = Path(news.path).name
        if self._kept is not None and Path(news.path).parent == Path(self._kept.name):
            self._forget()
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
