"""What the File menu takes from other programs: nets, and weights."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from PySide6.QtCore import QObject, Qt

from app.files.exports import Exports
from app.widgets import file_dialogs
from graphcore.errors import DataError, GradscapeError, short
from graphcore.exchange import ENDINGS, SOURCE
from graphcore.views.net_files import LoadWeights, WeightsLoaded

if TYPE_CHECKING:
    from app.files.run_dialog import RunDialog
    from graphcore.exchange.sources import Choice

MOST_NAMES = 4


class _Made:
    """What is made of a file: a graph file, with weights and report, in a folder of its own."""

    def __init__(self, source: str) -> None:
        self.source = Path(source)
        self._folder = tempfile.TemporaryDirectory(prefix="gradscape-")
        self.graph = Path(self._folder.name) / "net.graph.json"

    def drop(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()


def _choices(source: Path) -> tuple[Choice, ...]:
    """The modules of a Python file; none of any other, or where it cannot be read."""
    from graphcore.exchange import sources

    if source.suffix.lower() != SOURCE:
        return ()
    try:
        return sources.choices(sources.source_text(source))
    except GradscapeError:
        return ()


class Imports(QObject):
    """Nets are read by a process of its own, weights by the engine.

    Args:
        window: has ``engine``, ``document``, ``files``, ``banner``, ``refuse``.
    """

    def __init__(self, window: Any, exports: Exports) -> None:
        super().__init__(window)
        self._made: _Made | None
        self._window, self._engine, self._exports = window, window.engine, exports
        self._weights, self._made = "", None
        self.dialog: RunDialog | None = None
        window.files.net_given.connect(self.open)
        window.files.weights_given.connect(self.fill)
        if self._engine is not None:
            self._engine.on(WeightsLoaded, self._on_weights)
            self._engine.loaded.connect(self._on_loaded)

    def ask_net(self) -> None:
        """Ask for a net of another program and open it as a new graph."""
        if path := self._window.files.ask(lambda w, at: file_dialogs.ask_net(w, at, ENDINGS)):
            self.open(path)

    def open(self, path: str) -> None:
        """Open a net of another program; Python is read as source, and run only with consent."""
        if self._exports.is_free():
            made = _Made(path)
            self._exports.read_net(path, made.graph, partial(self._on_read, made))

    def _on_read(self, made: _Made, problem: str) -> None:
        if not problem:
            self._take(made)
            return
        found = _choices(made.source)
        if not found:
            made.drop()
            self._window.refuse(problem)
            return
        from app.files.run_dialog import RunDialog

        dialog = RunDialog(made.source, problem, found, made.graph, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.made.connect(partial(self._take, made))
        dialog.rejected.connect(made.drop)
        dialog.finished.connect(self._on_dialog_gone)
        self.dialog = dialog
        dialog.open()

    def _take(self, made: _Made) -> None:
        """The graph that was made of a file is the document, with the weights that it brought."""
        window = self._window
        if not window.files.open_import(str(made.graph), str(made.source)):
            made.drop()
            return
        if self._made is not None:
            self._made.drop()
        self._made = made  # the engine takes the weights from there
        beside = made.source.with_suffix(".safetensors")
        known = bool(window.document.origin.weights)
        self._weights = str(beside) if beside.is_file() and not known else ""
        self._tell(made.source.name)

    def _on_dialog_gone(self) -> None:
        self.dialog = None

    def close(self) -> None:
        """End what runs, and remove what was made of the net that was imported last."""
        if self.dialog is not None:
            self.dialog.reject()
        if self._made is not None:
            self._made.drop()
            self._made = None

    def _tell(self, name: str) -> None:
        """Say what was opened; the report says more."""
        window, report = self._window, self._window.document.origin.report
        if report is None:
            return
        text = self.tr("Opened {0}: {1}").format(short(name), report.summary())
        show = (self.tr("Import report"), partial(window.show_panel, "import_report"))
        window.banner.show_message(text, "info", (show,))

    def _on_loaded(self, _loaded: object) -> None:
        path, self._weights = self._weights, ""
        if path:
            self._engine.ask(LoadWeights(path))

    def load_weights(self) -> None:
        """Ask for a file of weights and fill the net from it, all or nothing."""
        if self._may_fill() and (path := self._window.files.ask(file_dialogs.ask_weights)):
            self.fill(path)

    def fill(self, path: str) -> None:
        """Fill the net from a file of weights, all or nothing."""
        if self._may_fill():
            self._engine.ask(LoadWeights(path))

    def load_names(self) -> None:
        """Ask for a file with the names of the classes, and keep them with the graph."""
        if self._may_fill() and (path := self._window.files.ask(file_dialogs.ask_names)):
            self.name_classes(path)

    def name_classes(self, path: str) -> None:
        """Call the classes what a file says, one name for each."""
        from graphcore.datasets.raw import read_names  # reads tables, too: much, and seldom needed

        document, loaded = self._window.document, self._engine.last_loaded
        count = len(loaded.classes) if loaded is not None else 0
        try:
            names = read_names(path)
            if len(names) != count:
                raise DataError(
                    self.tr("{0} has {1:,} names; the data have {2:,} classes.").format(
                        short(Path(path).name), len(names), count
                    )
                )
            settings = msgspec.structs.replace(document.root.training, class_names=names)
            document.set_training(settings, self.tr("Names of the classes"))
        except GradscapeError as error:
            self._window.refuse(str(error))
            return
        listed = ", ".join(names[:3]) + (" …" if count > 3 else "")
        self._window.banner.show_message(
            self.tr("{0:,} classes are named: {1}").format(count, listed)
        )

    def _may_fill(self) -> bool:
        if self._engine is not None and self._engine.has_net:
            return True
        self._window.refuse(self.tr("The engine has no net yet: finish the graph first."))
        return False

    def _on_weights(self, news: WeightsLoaded) -> None:
        if news.problem:
            self._window.refuse(news.problem)
            if news.fitting:
                text = self.tr("Take what fits ({0:,} of {1:,})").format(news.fitting, news.wanted)
                take = partial(self._engine.ask, LoadWeights(news.path, partly=True))
                self._window.banner.show_message(news.problem, "error", [(text, take)])
            return
        if news.start and self._engine is not None:
            again = LoadWeights(news.path, partly=True, again=True)
            self._engine.begins_with(news.path, again)
        name = short(Path(news.path).name)
        if news.left_out:
            text = self.tr("{0:,} of the net's {1:,} tensors were taken from {2}.").format(
                len(news.loaded), news.wanted, name
            )
        else:
            text = self.tr("All {0:,} tensors of the net were taken from {1}.").format(
                len(news.loaded), name
            )
        self._window.banner.show_message(" ".join([text, *self._remarks(news)]))

    def _remarks(self, news: WeightsLoaded) -> Iterator[str]:
        """What was not as it should be, in sentences."""
        yield from news.left_out[:2]
        if len(news.left_out) > 2:
            yield self.tr("{0:,} more were left as they were.").format(len(news.left_out) - 2)
        for words, found in (
            (self.tr("Found by shape alone: {0}."), news.by_shape),
            (self.tr("Found by order and shape: {0}."), news.by_order),
            (self.tr("Converted from {0}."), news.kinds),
            (self.tr("Transposed, as GPT-2's kernels have the inputs first: {0}."), news.turned),
            (self.tr("Not used: {0}."), news.unused),
        ):
            if found:
                dots = " …" if len(found) > MOST_NAMES else ""
                yield words.format(", ".join(map(short, found[:MOST_NAMES])) + dots)
