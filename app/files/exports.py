"""What the File menu hands to other programs: metrics, TensorBoard, PyTorch, an HTML report.

Whatever needs torch is done by a process of its own, the same as on the command line, from the
weights of the moment: neither the window nor the training waits for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QLabel, QToolButton, QWidget

from app.files.job import Job
from app.files.run_metrics import RunMetrics
from app.widgets import file_dialogs
from app.widgets.layouts import in_row
from graphcore.errors import FileError, GradscapeError, short
from graphcore.graph.binding import learns
from graphcore.ops.torch_code import module_name
from graphcore.runs.log import CURVES
from graphcore.views.net_files import NetSaved, SaveNet

SCRIPT_ENDINGS = (".py", ".safetensors", ".selftest.safetensors")
PROGRAM_ENDINGS = (".pt2", ".data.json", ".pt2.npz", "_pt2_selftest.py")
ONNX_ENDINGS = (".onnx", ".data.json", ".selftest.npz", "_selftest.py")
LOOKED_AT = (".html", ".gif", ".png", ".mp4", ".svg", ".pdf")
"""Endings of what has been written to be looked at."""


LONGEST = 60
"""Characters of what an indicator says."""


class JobIndicator(QWidget):
    """What is being exported, and a button that gives it up; hidden while there is nothing."""

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.text, self.button = QLabel(), QToolButton()
        self.button.setText(self.tr("Cancel"))
        self.button.setToolTip(self.tr("Give it up"))
        self.button.setAccessibleName(self.button.toolTip())
        self.button.setObjectName("outlined")
        self.button.clicked.connect(self.cancelled)
        in_row(self.text, self.button, on=self, margins=(8, 0, 8, 0))

    def say(self, text: str) -> None:
        """Say how far it is, as long as a status bar has room for; the tool tip has all of it."""
        self.text.setText(short(text, LONGEST))
        self.text.setToolTip(text)


class Exports(QObject):
    """One export at a time.

    Args:
        window: has ``engine``, ``document``, ``files``, ``status``, ``banner``, ``refuse``.

    Signals:
        done: path of what was written.
    """

    done = Signal(str)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window, self._engine = window, window.engine
        self.metrics = RunMetrics(window.document, window.engine) if window.engine else None
        self.indicator = JobIndicator()
        window.status.insertPermanentWidget(1, self.indicator)
        self.indicator.hide()
        self.indicator.cancelled.connect(self.cancel)
        window.files.wrote.connect(self.tell)
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._then: Callable[[Path], None] | None = None
        self._job: Job | None = None
        self._written: set[Path] = set()  # what may be written over without a question
        if self._engine is not None:
            self._engine.on(NetSaved, self._on_saved)
            self._engine.died.connect(lambda _sentence: self._finish())

    # -- metrics ------------------------------------------------------------------------------

    def save_metrics(self) -> None:
        """Ask for a file and write the curves as a table."""
        if self._has_metrics():
            path = self._window.files.ask_new(file_dialogs.ask_metrics, ".csv")
            if path:
                self._write(path, self._log.write_csv)

    def save_events(self) -> None:
        """Ask for a folder and write TensorBoard's event files there."""
        if self._has_metrics():
            folder = self._window.files.ask(file_dialogs.ask_folder)
            if folder and self._may_replace_events(Path(folder)):
                self._write(folder, self._log.write_events)

    def _may_replace_events(self, folder: Path) -> bool:
        """Whether no event files of others go when ours are written."""
        there = (path for run in CURVES for path in folder.glob(f"{run}/events.out.tfevents.*"))
        if folder not in self._written and not self._window.files.may_replace(there):
            return False
        self._written.add(folder)
        return True

    @property
    def _log(self) -> Any:
        assert self.metrics is not None
        return self.metrics.log

    def _has_metrics(self) -> bool:
        if self.metrics is None or not len(self.metrics.log):
            self._window.refuse(self.tr("There are no metrics yet: train the net first."))
            return False
        return True

    def _write(self, path: str, write: Callable[[Path], object]) -> None:
        try:
            write(Path(path))
        except GradscapeError as error:
            self._window.refuse(str(error))
        else:
            self.tell(path)

    # -- what a process of its own does -------------------------------------------------------

    def save_script(self) -> None:
        """Ask for a file and write the net as a PyTorch script, with its weights beside it."""
        self._save_net(file_dialogs.ask_script, SCRIPT_ENDINGS, "torch", self.tr("PyTorch script"))

    def save_keras(self) -> None:
        """Ask for a file and write the net as a script for Keras 3, with its weights beside it."""
        self._save_net(file_dialogs.ask_keras, SCRIPT_ENDINGS, "keras", self.tr("Keras script"))

    def save_onnx(self) -> None:
        """Ask for a file and write the net as an ONNX file, with a self-test beside it."""
        self._save_net(file_dialogs.ask_onnx, ONNX_ENDINGS, "onnx", self.tr("ONNX file"))

    def save_program(self) -> None:
        """Ask for a file and write the net as torch.export keeps it, with a self-test beside it."""
        what = self.tr("PyTorch program")
        self._save_net(file_dialogs.ask_program, PROGRAM_ENDINGS, "pt2", what)

    def _save_net(
        self, question: file_dialogs.Question, endings: tuple[str, ...], kind: str, what: str
    ) -> None:
        """Ask for a file and write the net for another program; the first ending is its own."""
        if not self._may_begin():
            return
        path = self._window.files.ask(question, endings[0])
        if not path:
            return
        name = module_name(Path(path).stem)
        beside = [Path(path).with_name(name + ending) for ending in endings]
        known = {Path(path), *self._written}  # the dialog asked about the path itself
        if self._window.files.may_replace(p for p in beside if p not in known):
            self._written.update(beside)
            self._begin(what, partial(self._run_export, kind, beside[0]))

    def _run_export(self, kind: str, path: Path, net: Path) -> None:
        arguments = ["export", str(net), "--to", kind, "--out", str(path.parent), "--force"]
        self._run([*arguments, "--name", path.stem], str(path))

    def save_report(self) -> None:
        """Ask for a file and write an HTML page about the run."""
        if not learns(self._window.document.root):
            self._window.refuse(self.tr("This graph only calculates: nothing to report on."))
            return
        if not self._may_begin():
            return
        path = self._window.files.ask_new(file_dialogs.ask_report, ".html")
        if path:
            self._begin(self.tr("Report"), partial(self._run_report, Path(path)))

    def _run_report(self, path: Path, net: Path) -> None:
        if len(self._log):
            try:
                self._log.write_csv(net / "metrics.csv")
            except FileError as error:
                self._finish(str(error))
                return
        arguments = ["report", str(net), "--out", str(path), "--title", self._title()]
        self._run([*arguments, "--force"], str(path))  # the dialog asked about this file

    def _title(self) -> str:
        """The graph's name; where there are several runs, which it is and where it comes from."""
        runs = {run.run: run for run in self._engine.moment.runs}
        run, title = runs.get(self._engine.moment.run), str(self._window.files.name)
        if run is None or (len(runs) < 2 and run.name == f"Run {run.run}"):
            return title
        title = f"{title}, {run.name}"
        if run.parent not in runs:
            return title
        by_hand = self.tr(", with weights changed by hand") if run.by_hand else ""
        from_ = self.tr(" (from {0} at step {1:,}{2})")
        return title + from_.format(runs[run.parent].name, run.begun_at, by_hand)

    def is_free(self) -> bool:
        """Whether nothing is under way; says so where something is."""
        if self._then is None and self._job is None:
            return True
        sentence = self.tr("Not done yet ({0}): wait for it, or cancel it in the status bar.")
        self._window.refuse(sentence.format(self.indicator.text.text()))
        return False

    def _may_begin(self) -> bool:
        """Whether the net can be exported now; says why not."""
        if not self.is_free():
            return False
        if self._engine is None or not self._engine.has_net:
            self._window.refuse(self.tr("The engine has no net yet: finish the graph first."))
            return False
        return True

    def _begin(self, what: str, then: Callable[[Path], None]) -> None:
        """Have the engine leave the net in a scratch folder, and go on from there."""
        self._scratch = tempfile.TemporaryDirectory(prefix="gradscape-")
        self._then = then
        self._what = what
        self._show(self.tr("asking the engine"))
        self._engine.ask(SaveNet(self._scratch.name))

    def _on_saved(self, saved: NetSaved) -> None:
        then, self._then = self._then, None
        if then is None or self._scratch is None or saved.folder != self._scratch.name:
            return
        if saved.problem:
            self._finish(saved.problem)
        else:
            then(Path(saved.folder))

    def _run(self, arguments: list[str], path: str) -> None:
        if self._engine.data_dir:
            arguments += ["--data-dir", self._engine.data_dir]
        self._show(self.tr("starting"))
        self._job = Job([*arguments, "--threads", "1"], self)
        self._job.said.connect(self._show)
        self._job.ended.connect(partial(self._on_ended, path))

    def read_net(self, path: str, out: Path, then: Callable[[str], None]) -> None:
        """Convert another program's file to a graph file; call ``then`` with the problem, or ""."""
        self._what = self.tr("Reading")
        self._show(Path(path).name)
        self._job = Job(["import", path, "--out", str(out)], self)
        self._job.ended.connect(partial(self._on_read, then))

    def _on_read(self, then: Callable[[str], None], problem: str) -> None:
        self._finish()
        then(problem)

    def _show(self, how_far: str) -> None:
        self.indicator.say(f"{self._what}: {how_far}")
        self.indicator.show()

    def _on_ended(self, path: str, problem: str) -> None:
        self._finish(problem)
        if not problem:
            self.tell(path)

    def _finish(self, problem: str = "") -> None:
        if self._job is not None:
            self._job.deleteLater()
        self._job = self._then = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
        self.indicator.hide()
        if problem:
            self._window.refuse(problem)

    def cancel(self) -> None:
        """Give up what is under way."""
        if self._job is not None:
            self._job.cancel()
        self._finish()

    def tell(self, path: str, more: str = "") -> None:
        """Say where it is, and more of it; what one looks at stays said, with a button for it."""
        text = " ".join(filter(None, (self.tr("Wrote {0}.").format(path), more)))
        self._window.status.say(text)
        if path.lower().endswith(LOOKED_AT):
            show = (self.tr("Open"), partial(QDesktopServices.openUrl, QUrl.fromLocalFile(path)))
            self._window.banner.show_message(text, "info", (show,))
        self.done.emit(path)
