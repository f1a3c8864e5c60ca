"""Runs a Python file in a process of its own, with consent, to open the net that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QWidget,
)

from app.document.origin import origin_of
from app.files.job import Job
from app.style import fonts
from app.widgets.layouts import in_column
from app.widgets.section import text_label
from graphcore.errors import GradscapeError
from graphcore.exchange import inputs, sources

WIDTH = 580
OWN = "gradscape: "
"""What our own sentence begins with."""
MOST_PRINTED = 2000
"""Lines of what the file prints that are kept."""


class RunDialog(QDialog):
    """Asks what to run, runs it, shows what it prints, and lets the user change and try again.

    Signals:
        made: the graph file lies where it was asked for, its weights and report beside it.

    Args:
        source: the Python file. problem: why reading its source was not enough.
        choices: the modules in it, at least one.
        out: graph file that is written.
    """

    made = Signal()

    def __init__(
        self, source: Path, problem: str, choices: Sequence[sources.Choice], out: Path,
        parent: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._source, self._out, self._choices = source, out, list(choices)
        self._job: Job | None = None
        self.setWindowTitle(self.tr("Import {0}").format(source.name))
        self.setMinimumWidth(WIDTH)
        alone = self.tr("Its source alone does not say all of the net.")
        self.why, self.status = text_label(f"{alone} {problem}"), text_label()
        self.modules = QComboBox()
        self.modules.setAccessibleName(self.tr("Module"))
        self.modules.addItems([self._label(c) for c in self._choices])
        self.arguments: dict[str, QLineEdit] = {}
        self.shapes: dict[str, QLineEdit] = {}
        self.printed = QPlainTextEdit()
        self.progress = QProgressBar()
        self._buttons = QDialogButtonBox()
        self.run_button, self.open_button = QPushButton(), QPushButton(self.tr("Open the net"))
        self._build()
        self.modules.currentIndexChanged.connect(self._show_fields)
        self._show_fields()
        self._show_idle("")

    def _label(self, choice: sources.Choice) -> str:
        return self.tr("{0} (made by the file)").format(choice.name) if choice.made else choice.name

    # -- what is seen -------------------------------------------------------------------------

    def _build(self) -> None:
        consent = text_label(
            self.tr(
                "Running it can give the whole net. It runs in a process of its own, for 5 minutes "
                "at most, and may do whatever a program of yours may: run only a file you trust."
            )
        )
        self._form = QFormLayout()
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._form.addRow(self.tr("Module"), self.modules)
        self._help = text_label(
            self.tr(
                "Shape of one sample, without the batch: 1x28x28, or int64:6 for whole numbers."
            ),
            dim=True,
        )
        self.printed.setReadOnly(True)
        self.printed.setFont(fonts.figure_font(9.0))
        self.printed.setMaximumBlockCount(MOST_PRINTED)
        self.printed.setAccessibleName(self.tr("What the file prints"))
        self.printed.setFixedHeight(120)
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self._add_buttons()
        rest: list[QWidget] = [self._help, self.printed, self.status, self.progress]
        in_column(self.why, consent, self._form, *rest, 1, self._buttons, on=self, spacing=10)
        self.printed.hide()

    def _add_buttons(self) -> None:
        roles = QDialogButtonBox.ButtonRole
        self._buttons.addButton(self.open_button, roles.ActionRole)
        self._buttons.addButton(self.run_button, roles.ActionRole)
        self.cancel_button = QPushButton(self.tr("Cancel"))
        self._buttons.addButton(self.cancel_button, roles.RejectRole)
        self.run_button.clicked.connect(self.run)
        self.open_button.clicked.connect(self._finish)
        self.cancel_button.clicked.connect(self._cancel)

    @property
    def choice(self) -> sources.Choice:
        """The module that is chosen."""
        return self._choices[self.modules.currentIndex()]

    def _show_fields(self) -> None:
        """A line for each argument and each input of the module that is chosen."""
        while self._form.rowCount() > 1:
            self._form.removeRow(1)
        self.arguments = {n: QLineEdit() for n in self.choice.arguments}
        names = self.choice.inputs or ("",)
        self.shapes = {n: QLineEdit() for n in names}
        for name, field in self.arguments.items():
            field.setPlaceholderText(self.tr("10, 0.5, 'text', [1, 2] or True"))
            self._form.addRow(name, field)
        for name, field in self.shapes.items():
            if len(names) == 1:
                field.setPlaceholderText(self.tr("left empty: guessed from the first layer"))
            self._form.addRow(self.tr("Input {0}").format(name).strip(), field)
        for field in (*self.arguments.values(), *self.shapes.values()):
            field.textEdited.connect(partial(self._show_idle, ""))
        self.resize(WIDTH, 0)
        self._fit()

    def _show_idle(self, sentence: str, _text: str = "") -> None:
        """Nothing runs: say what came of it."""
        if self._job is not None:
            return
        self._say(sentence)
        self.progress.hide()
        self.open_button.hide()
        self._offer(self.run_button)
        self.run_button.setText(self.tr("Run"))
        self._enable(True)

    def _offer(self, first: QPushButton) -> None:
        """Let a button be the one that Return presses, and look like it."""
        for button in (self.run_button, self.open_button):
            button.setObjectName("primary" if button is first else "")
            button.style().unpolish(button)
            button.style().polish(button)
        first.setDefault(True)

    def _say(self, sentence: str) -> None:
        self.status.setText(sentence)
        self.status.setVisible(bool(sentence))
        self._fit()

    def _fit(self) -> None:
        """Be as high as what is shown; no lower than before, so that nothing jumps."""
        layout = self.layout()
        assert layout is not None
        width = max(WIDTH, self.width())
        self.resize(width, max(self.height(), layout.totalHeightForWidth(width)))

    def _enable(self, on: bool) -> None:
        for widget in (
            self.modules, *self.arguments.values(), *self.shapes.values(), self.run_button,
        ):  # fmt: skip
            widget.setEnabled(on)

    # -- what is done -------------------------------------------------------------------------

    def run(self) -> None:
        """Run the file with what the fields say."""
        try:
            module, specs = self._module(), self._specs()
        except GradscapeError as error:
            self._show_idle(str(error))
            return
        arguments = ["import", str(self._source), "--run", "--class", module]
        if specs:
            arguments += ["--input", *map(str, specs)]
        self.printed.clear()
        self._say(self.tr("Running {0} …").format(self._source.name))
        self.open_button.hide()
        self.progress.show()
        self._enable(False)
        self._job = Job([*arguments, "--out", str(self._out), "--force"], self)
        self._job.printed.connect(self._on_printed)
        self._job.ended.connect(self._on_ended)

    def _module(self) -> str:
        given = {name: field.text() for name, field in self.arguments.items()}
        return sources.call_text(self.choice.name, given)

    def _specs(self) -> list[inputs.InputSpec]:
        """The shapes that were typed, in the order of ``forward``; none where all are guessed."""
        typed = {name: field.text().strip() for name, field in self.shapes.items()}
        if not any(typed.values()) and len(typed) == 1:
            return []
        if missing := next((name for name, text in typed.items() if not text), ""):
            raise GradscapeError(self.tr("The input {0} needs a shape.").format(missing))
        return [inputs.parse(text.removeprefix(f"{name}:")) for name, text in typed.items()]

    def _on_printed(self, text: str) -> None:
        lines = text.splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith(OWN))  # said below
        if not text:
            return
        if self.printed.isHidden():
            self.printed.show()
            self._fit()
        self.printed.moveCursor(self.printed.textCursor().MoveOperation.End)
        self.printed.insertPlainText(text)
        self.printed.ensureCursorVisible()

    def _on_ended(self, problem: str) -> None:
        self._drop_job()
        if problem:
            self._show_idle(problem)
            self.run_button.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        report = origin_of(self._out).report
        if report is None or not report.guessed:
            self._finish()
            return
        self._show_idle("")
        next(iter(self.shapes.values())).setText(report.guessed)
        self._say(
            self.tr("It ran. The shape {0} of its input is a guess: open the net, or change it.")
            .format(report.guessed)
        )  # fmt: skip
        self.run_button.setText(self.tr("Run again"))
        self.open_button.show()
        self._offer(self.open_button)
        self.open_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _drop_job(self) -> None:
        if self._job is not None:
            self._job.deleteLater()
            self._job = None

    def _finish(self) -> None:
        self.accept()
        self.made.emit()

    def _cancel(self) -> None:
        """End what runs; where nothing runs, close."""
        if self._job is None:
            self.reject()
            return
        self._stop()
        self._show_idle(self.tr("Stopped."))

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._drop_job()

    def reject(self) -> None:
        self._stop()
        super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._stop()
        super().closeEvent(event)
