"""The dialog that says where the engine runs, on which device and with how many threads."""

from __future__ import annotations

import shlex

from PySide6.QtCore import QSettings, QSignalBlocker, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from app.engine import place as places
from app.engine.engine import Engine
from app.engine.place import Place
from app.widgets.layouts import in_column
from app.widgets.number_field import WholeField

HERE, SSH, COMMAND = range(3)
_AROUND = places.SSH.split("{0}")


class EngineDialog(QDialog):
    """Asks for a place; the engine goes there with its runs when it is accepted.

    Signals:
        chosen: the ``Place`` that is to be used from now on.
    """

    chosen = Signal(object)

    def __init__(self, engine: Engine, store: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Engine"))
        self.setMinimumWidth(560)
        self._engine, self._store = engine, store
        self.where, self.command = QComboBox(), QLineEdit()
        self.where.addItems(
            [self.tr("This machine"), self.tr("Another machine by SSH"), self.tr("A command")]
        )
        self.device, self.threads, self.precision = QComboBox(), WholeField(), QComboBox()
        for name, title in (
            ("float32", self.tr("float32")),
            ("tf32", self.tr("TF32 (products of 11 significant bits, NVIDIA GPUs)")),
            ("bfloat16", self.tr("bfloat16 (products of 8 significant bits)")),
        ):
            self.precision.addItem(title, name)
        self.threads.setRange(0, places.MOST_THREADS)
        self.threads.setSpecialValueText(self.tr("every core but one"))
        self.helper = QComboBox()
        self.helper.addItem(
            self.tr("Beside the training, where there are more than 2 processors"), "auto"
        )
        self.helper.addItem(
            self.tr("Beside the training, in a process of lowest priority"), "always"
        )
        self.helper.addItem(self.tr("Between the steps of the training"), "never")
        self.state, self.problem = QLabel(), QLabel()
        for label in (self.state, self.problem):
            label.setWordWrap(True)
        self.problem.hide()
        self._lay_out()
        self._show(engine.place)
        self.where.currentIndexChanged.connect(self._on_where)
        self.command.textChanged.connect(self._on_command)
        engine.ready.connect(self._on_ready)
        engine.line_changed.connect(self._describe)

    def _lay_out(self) -> None:
        form = self._form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._label = QLabel()
        self._label.setBuddy(self.command)
        for label, help, editor in (
            (self.tr("Runs on"), self.tr("Where the net is computed and trained."), self.where),
            (self._label, self.tr("The name of the machine, or the command that starts the "
                                  "engine and passes its streams on."), self.command),
            (self.tr("Device"), self.tr("What computes there."), self.device),
            (self.tr("Threads"), self.tr("How many of the processor's cores are used."),
             self.threads),
            (self.tr("Precision"), self.tr("In which products of matrices and convolutions are "
                                           "computed. Weights, gradients and the optimiser's "
                                           "state are float32."), self.precision),
            (self.tr("Landscape"), self.tr(
                "Where the loss landscape is computed while the net trains: a process of its own "
                "shows newer surfaces, and takes memory and a processor that is free."),
             self.helper),
        ):  # fmt: skip
            editor.setToolTip(help)
            form.addRow(label, editor)
        note = QLabel(self.tr(
            "Recorded runs go along to another place and training goes on there. On another "
            "machine Gradscape has to be installed; data that are missing there are sent once."
        ))  # fmt: skip
        note.setWordWrap(True)
        note.setForegroundRole(note.palette().ColorRole.PlaceholderText)
        buttons = QDialogButtonBox()
        self.use = QPushButton(self.tr("Use"))
        buttons.addButton(self.use, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel).setIcon(QIcon())
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        in_column(form, note, self.state, self.problem, buttons, on=self)

    # -- what is shown ------------------------------------------------------------------------

    def _show(self, place: Place) -> None:
        """Show a place as the choice."""
        before, behind = _AROUND
        text, where = place.command, COMMAND if place.command else HERE
        if text.startswith(before) and text.endswith(behind):
            host = text[len(before) : -len(behind)]
            if host and " " not in host:
                text, where = host, SSH
        with QSignalBlocker(self.where), QSignalBlocker(self.command):
            self.where.setCurrentIndex(where)
            self.command.setText(text)
        self._show_field()
        self._show_devices(place)

    def _show_field(self) -> None:
        where = self.where.currentIndex()
        self._label.setText(self.tr("Machine") if where == SSH else self.tr("Command"))
        self._form.setRowVisible(self.command, where != HERE)
        self.command.setPlaceholderText(
            {SSH: self.tr("name@machine"), COMMAND: "ssh HOST gradscape worker"}.get(where, "")
        )

    def _show_devices(self, place: Place) -> None:
        """Offer the devices of a place: all, if the engine runs there, else the remembered one."""
        about = self._engine.about if place.command == self._engine.place.command else None
        there = about.devices if about is not None else ()
        self.device.clear()
        self.device.addItem(self.tr("The best there is"), "")
        for name, title in there:
            self.device.addItem(f"{name} · {title}", name)
        if place.device and self.device.findData(place.device) < 0:
            self.device.addItem(place.device, place.device)
        self.device.setCurrentIndex(max(0, self.device.findData(place.device)))
        self.threads.setValue(place.threads)
        self.helper.setCurrentIndex(self.helper.findData(place.helper))
        self.precision.setCurrentIndex(self.precision.findData(place.precision))
        self._describe()

    def _describe(self) -> None:
        """Say what the engine runs on just now."""
        here = self.place.command == self._engine.place.command
        if not here:
            self.state.setText(self.tr("Its devices are listed once the engine runs there."))
        elif self._engine.about is None:
            self.state.setText(self.tr("The engine has not answered yet."))
        else:
            self.state.setText(self.tr("Now: {0}").format(describe(self._engine)))

    def _on_ready(self, _ready: object) -> None:
        self._show_devices(self.place)

    # -- what is chosen -----------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """What the fields say."""
        text, where = self.command.text().strip(), self.where.currentIndex()
        command = {HERE: "", SSH: places.SSH.format(text), COMMAND: text}[where]
        return Place(
            command, self.device.currentData() or "", self.threads.value(),
            self.helper.currentData(), self.precision.currentData(),
        )  # fmt: skip

    def _on_where(self) -> None:
        where = self.where.currentIndex()
        if where == COMMAND and not self.command.text():
            self.command.setText(next(iter(places.used(self._store)), ""))
        self._show_field()
        self._on_command()
        if where != HERE:
            self.command.setFocus()

    def _on_command(self) -> None:
        """Another machine has its own device and threads, if they were chosen before."""
        self._refuse("")
        self._show_devices(places.remembered(self._store, self.place.command))

    def _refuse(self, problem: str) -> None:
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.adjustSize()

    def _accept(self) -> None:
        place, text = self.place, self.command.text().strip()
        problem = ""
        if self.where.currentIndex() != HERE and not text:
            problem = self.tr("Name the machine or the command first.")
        elif self.where.currentIndex() == SSH and (" " in text or text.startswith("-")):
            problem = self.tr("A machine is one word, such as name@machine; options of ssh "
                              "belong into a command.")  # fmt: skip
        else:
            try:
                shlex.split(place.command)
            except ValueError:
                problem = self.tr("The command has a quotation mark too few.")
        self._refuse(problem)
        if not problem:
            self.chosen.emit(place)
            self.accept()


def describe(engine: Engine) -> str:
    """Return machine, device, threads, precision and the line's figures in one line."""
    about, line = engine.about, engine.line
    if about is None:
        return ""
    count = engine.tr("{0} threads") if about.threads != 1 else engine.tr("{0} thread")
    device = about.device.upper() if about.device == "cpu" else about.device
    precision = "TF32" if about.precision == "tf32" else about.precision
    parts = [device, count.format(about.threads), precision]
    if about.helper:
        parts.append(engine.tr("helper process"))
    if engine.place.command:
        parts.insert(0, about.machine)
    if line is not None and line.latency_ms is not None:
        parts.append(f"{line.latency_ms:.0f} ms")
        parts.append(_rate(line.bytes_per_second))
    return " · ".join(filter(None, parts))


def _rate(bytes_per_second: float) -> str:
    if bytes_per_second >= 1e6:
        return f"{bytes_per_second / 1e6:.1f} MB/s"
    return f"{bytes_per_second / 1e3:.0f} kB/s"
