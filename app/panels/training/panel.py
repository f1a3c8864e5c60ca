"""The training panel: curves, figures, and what is trained on and how."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import msgspec
import numpy as np
from PySide6.QtCore import QElapsedTimer, QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import FRAME_MS, Engine
from app.panels.panel import Panel
from app.panels.training import rows as training_rows
from app.panels.training.figures import TrainingFigures
from app.panels.training.objectives import ObjectivesDialog
from app.panels.training.rate_finder import RateFinder
from app.plots.curve import CurvePlot
from app.plots.series import SMOOTHING
from app.widgets.note import Note
from app.widgets.number_field import NumberField, WholeField
from app.widgets.options_form import OptionsForm
from app.widgets.scroller import WheelGuard, scroll_to
from graphcore import datasets
from graphcore.datasets.probe import NAME as PROBE
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Change
from graphcore.records.arrays import unpack
from graphcore.records.score import Score
from graphcore.session import messages as m
from graphcore.training import optimizers, schedules
from graphcore.views.timeline import RunCurves, TimelineFrame

REDRAW_MS = 150
"""Curves and figures are read, not watched: a few times a second leaves the time to the canvas."""
NARROW, NARROW_PLOTS = 560, 170
"""Width from which the curves stand beside the figures, and their height where they do not."""
LOW = 420
"""Height from which a narrow panel has the figures above the curves, which are looked at more."""
UNBOUNDED = 1 << 20
HELD_BACK = "validation"
"""The curve of the samples that are held back from training, where there are any."""


class TrainingPanel(Panel):
    """Follows the engine's frames; changes the training settings through the document."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._drawn = QElapsedTimer()
        self._undrawn: set[CurvePlot] = set()
        self._between = QTimer(self, singleShot=True, interval=FRAME_MS // 2)
        self._between.timeout.connect(partial(self._redraw, both=False))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(8, 4, 8, 8)
        self._grid.setSpacing(10)
        self._grid.setRowStretch(1, 1)
        self._make_side()
        self._empty = empty = self.tr("Press Play: the curve appears here.")
        self.loss, self.accuracy = (
            CurvePlot(
                title, {"train": self.tr("train"), "test": self.tr("test")}, raw=raw,
                marks=marks, empty=empty, gap=("train", HELD_BACK, "test"),
            )
            for title, raw, marks in (
                (self.tr("Loss"), ("train",), ("test", HELD_BACK)),
                (self.tr("Accuracy"), (), ("train", "test", HELD_BACK)),
            )
        )  # fmt: skip
        self._plots = QWidget()
        row = QHBoxLayout(self._plots)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.loss, 1)
        row.addWidget(self.accuracy, 1)
        self._arranged: tuple[bool, bool] | None = None
        self._arrange(narrow=False, low=False)
        engine.frame.connect(self._on_frame)
        engine.loaded.connect(self._on_loaded)
        engine.on(m.DataRead, self._on_data)
        engine.progress.connect(self._on_progress)
        engine.failed.connect(self._on_failed)
        engine.reset_done.connect(self.clear)
        engine.on(TimelineFrame, self._on_timeline)
        document.changed.connect(self._on_change)
        self._show_settings()
        if engine.last_loaded is not None:
            self._on_loaded(engine.last_loaded)

    # -- the side -----------------------------------------------------------------------------

    def set_room(self, room: QSize) -> None:
        """Put the curves beside the figures, or below or above them where there is no room."""
        narrow = room.width() < NARROW
        self._arrange(narrow, low=narrow and room.height() < LOW)

    def _arrange(self, narrow: bool, low: bool) -> None:
        if self._arranged == (narrow, low):
            return
        self._arranged = narrow, low
        plots = (0 if low else 1, 0, 1, 1) if narrow else (0, 1, 2, 1)
        self._grid.addWidget(self._side, 1 if low else 0, 0)
        self._grid.addWidget(self._plots, *plots)
        self._grid.setRowStretch(0, 1 if low else 0)
        self._grid.setRowStretch(1, 0 if low else 1)
        self._grid.addWidget(self.form_area, 2 if narrow else 1, 0)
        for part in (self._plots, self.form_area):
            part.setMinimumHeight(NARROW_PLOTS if narrow else 0)
        self._grid.setColumnStretch(1, 0 if narrow else 1)
        self.form_area.setMaximumWidth(UNBOUNDED if narrow else 310)

    def _make_side(self) -> None:
        self._side = QWidget()
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(6)
        self.figures = TrainingFigures()
        side.addWidget(self.figures, 0, Qt.AlignmentFlag.AlignLeft)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Progress of the run"))
        side.addWidget(self.progress)
        self.note = Note()
        side.addWidget(self.note)
        self.form_area = area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setMinimumWidth(270)
        area.setWidget(self._make_form())

    def _make_form(self) -> QWidget:
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(0, 0, 6, 0)
        form.setVerticalSpacing(5)
        self._guard = WheelGuard(self)
        self.fields: dict[str, QWidget] = {}
        self.options: dict[str, OptionsForm] = {}
        self._choice(form, "dataset", self.tr("Data"), datasets.names())
        self._options(form, "dataset_options")
        self._choice(form, "normalization", self.tr("Normalise"), datasets.NORMALIZATIONS)
        self._options(form, "augmentation", self.tr("Augmentation"))
        self._choice(form, "optimizer", self.tr("Optimiser"), optimizers.names())
        self._options(form, "optimizer_options")
        self._add_rate(form)
        self.losses = QPushButton(self.tr("Several losses …"))
        self.losses.setToolTip(
            self.tr("Give each loss of the graph its own parameters and optimiser, as a GAN needs")
        )
        self.losses.clicked.connect(self._choose_losses)
        form.addRow("", self.losses)
        self._choice(form, "schedule", self.tr("Schedule"), schedules.names())
        self._options(form, "schedule_options")
        self._whole(form, "batch", self.tr("Batch"), 1, 60_000)
        self._whole(form, "epochs", self.tr("Epochs"), 1, 100_000)
        self.fields["epochs"].setToolTip(
            self.tr("How many epochs a run has; to train on at its end adds as many more")
        )
        self._add_patience(form)
        self._number(form, "l1", self.tr("L1 penalty"), 0.0, 10.0)
        self._number(form, "l2", self.tr("L2 penalty"), 0.0, 10.0)
        self._whole(form, "seed", self.tr("Seed"), 0, 2**31 - 1)
        return page

    def _add_patience(self, form: QFormLayout) -> None:
        """Early stopping."""
        self._whole(form, "patience", self.tr("Patience"), 0, 100_000)
        patience = self.fields["patience"]
        assert isinstance(patience, QSpinBox)
        patience.setSpecialValueText(self.tr("all epochs"))
        patience.setToolTip(
            self.tr(
                "Stop when the loss has not fallen for this many epochs; keep the best weights.\n"
                "It is the loss of the samples held back for validation (Data > Options); "
                "without any, that of training."
            )
        )

    def _add_rate(self, form: QFormLayout) -> None:
        """The learning rate, and the search for one."""
        self._number(form, "lr", self.tr("Learning rate"), 0.0, 1000.0)
        self.find_rate = QPushButton(self.tr("Find a learning rate …"))
        self.find_rate.setToolTip(self.tr("Train a copy at rising rates and see where it learns"))
        self.find_rate.clicked.connect(self._find_rate)
        form.addRow("", self.find_rate)

    def _options(self, form: QFormLayout, name: str, title: str = "") -> None:
        options = OptionsForm(title)
        options.edited.connect(lambda given: self._set(name, given))
        form.addRow(options)
        self.options[name] = options

    def _choice(self, form: QFormLayout, name: str, label: str, choices: Any) -> None:
        field = QComboBox()
        field.addItems(list(choices))
        if name == "dataset":
            for i, choice in enumerate(choices):
                field.setItemData(i, datasets.describe(choice).help, Qt.ItemDataRole.ToolTipRole)
        field.textActivated.connect(lambda text: self._set(name, text))
        self._put(form, name, label, field)

    def _number(self, form: QFormLayout, name: str, label: str, low: float, high: float) -> None:
        field = NumberField()
        field.setRange(low, high)
        field.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        field.setKeyboardTracking(False)
        field.valueChanged.connect(lambda value: self._set(name, value))
        self._put(form, name, label, field)

    def _whole(self, form: QFormLayout, name: str, label: str, low: int, high: int) -> None:
        field = WholeField()
        field.setRange(low, high)
        field.setKeyboardTracking(False)
        field.valueChanged.connect(lambda value: self._set(name, value))
        self._put(form, name, label, field)

    def _put(self, form: QFormLayout, name: str, label: str, field: QWidget) -> None:
        field.setAccessibleName(label)
        field.setMinimumWidth(80)
        self._guard.watch(field)
        form.addRow(label, field)
        self.fields[name] = field

    def _set(self, name: str, value: Any) -> None:
        if name == "patience":
            value = value or None
        changes: dict[str, Any] = {name: value}
        before = self._document.root.training
        if name in ("optimizer", "schedule"):
            changes[f"{name}_options"] = {}
        elif name == "dataset":
            kept = datasets.shared_options(before.dataset_options, before.dataset, value)
            changes["dataset_options"] = kept
        settings = msgspec.structs.replace(before, **changes)
        try:
            self._document.set_training(settings)
        except GradscapeError as error:
            self._show_settings()
            self.note.setText(str(error))

    def _choose_losses(self) -> None:
        document = self._document
        dialog = ObjectivesDialog(document.root, document.root.training.objectives, self)
        if dialog.exec():
            self._set("objectives", dialog.objectives)

    def _find_rate(self) -> None:
        finder = RateFinder(self._engine, self)
        if finder.exec() and finder.rate is not None:
            self._set("lr", finder.rate)

    def _show_settings(self) -> None:
        settings = self._document.root.training
        for name, field in self.fields.items():
            blocker = QSignalBlocker(field)
            value = getattr(settings, name)
            if isinstance(field, QComboBox):
                field.setCurrentIndex(field.findText(value))  # none for a name from a file
            elif isinstance(field, QSpinBox | QDoubleSpinBox):
                field.setValue(value or 0)
            blocker.unblock()
        for name, rows in training_rows.of(settings).items():
            self.options[name].show_options(rows, getattr(settings, name))

    def show_data(self) -> None:
        """Bring the field of the data set into view and give it the keys."""
        field = self.fields["dataset"]
        field.setFocus(Qt.FocusReason.OtherFocusReason)
        QTimer.singleShot(0, self, lambda: scroll_to(field))  # once a new panel is laid out

    def ask_for_file(self) -> None:
        """Ask for the file that the data set reads."""
        self.options["dataset_options"].ask_for_path()

    # -- following ----------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget the curves and figures."""
        self.loss.clear()
        self.accuracy.clear()
        self.accuracy.set_empty(self._empty)
        self.figures.clear()
        self.progress.setValue(0)

    def forget(self) -> None:
        """Another graph was opened."""
        self.clear()
        self._show_settings()

    def _on_change(self, change: Change) -> None:
        if change.kind == "training_changed":
            self._show_settings()

    def _on_loaded(self, loaded: m.Loaded) -> None:
        told = loaded.dataset != PROBE  # a script says no accuracy
        self._show_accuracy(told and bool(loaded.classes))
        self.figures.show_data(bool(loaded.dataset or loaded.problem))
        if loaded.problem or not loaded.dataset:
            self.note.setText(loaded.problem or self.tr("No data: training minimises the result."))
            return
        text = self.tr("{0}: {1:,} to train, {2:,} to test. {3}")
        if loaded.held_back:
            text = self.tr("{0}: {1:,} to train, {4:,} for validation, {2:,} to test. {3}")
        text = text.format(
            loaded.dataset, loaded.train_samples, loaded.test_samples, loaded.normalization,
            loaded.held_back,
        )  # fmt: skip
        self.note.setText(f"{loaded.note} {text}".strip())
        self.figures.labels["step"].setText(f"{loaded.step:,}")

    def _on_failed(self, failure: m.Failure) -> None:
        """Graph or data were refused: what was said of those before holds no more."""
        if failure.kind == "load":
            self.note.setText(failure.message)

    def _on_data(self, data: m.DataRead) -> None:
        """Let target, id and columns to be left out be chosen from those of the table."""
        self.options["dataset_options"].offer_names(data.header)

    def _on_progress(self, progress: m.Progress) -> None:
        done = progress.done / progress.total if progress.total else 0
        self.note.setText(f"{progress.what} {done:.0%}")

    def _on_frame(self, frame: m.Frame) -> None:
        steps, losses = unpack(frame.steps), unpack(frame.losses)
        if len(steps):
            self.loss.append("train", steps, losses)
            for name, further in frame.further.items():
                self.loss.append(name, steps, unpack(further))
        for step, share in frame.accuracies:
            self.accuracy.append_behind("train", np.array([step]), np.array([share]))
        for score in frame.scores:
            self._add_score(score)
        if frame.scores:  # the figures show it at once; the curves are drawn later
            self.loss.show_legend()
            self.accuracy.show_legend()
        if not self._undrawn and (len(steps) or frame.accuracies or frame.scores):
            self._undrawn = {self.loss, self.accuracy}
        ended = frame.state != "running"
        if ended or not self._drawn.isValid() or self._drawn.elapsed() >= REDRAW_MS:
            self._drawn.start()
            self._show_frame(frame)
            if ended:
                self._redraw(both=True)
            else:
                self._between.start()

    def _redraw(self, both: bool) -> None:
        """Draw what is new: both plots, or one and the next time the other.

        A plot takes as long as half the canvas: both at once would cost a frame, and one is drawn
        between two pictures of the canvas.
        """
        if both:
            self._undrawn = {self.loss, self.accuracy}
        for plot in list(self._undrawn)[: None if both else 1]:
            plot.redraw()
            self._undrawn.discard(plot)

    def _on_timeline(self, frame: TimelineFrame) -> None:
        """Mark the step that is looked at; another run has other curves."""
        # batches of all samples have no noise to smooth
        whole = bool(frame.counts) and all(count.per_epoch == 1 for count in frame.counts)
        self.loss.smoothing = 0.0 if whole else SMOOTHING
        if frame.curves is not None:
            self._show_run(frame.curves)
            if self._engine.last_frame is not None:
                self._show_frame(self._engine.last_frame)
        if frame.outdated:
            for plot, name in product((self.loss, self.accuracy), ("train", HELD_BACK, "test")):
                plot.outdate(name)
        test = frame.test
        for plot in (self.loss, self.accuracy):
            measured = self._measured(frame, "loss" if plot is self.loss else "accuracy")
            if plot is self.accuracy and test is not None and test.training is not None:
                measured["train"] = test.training
            elif frame.by_hand:
                measured["train"] = None  # the batches were of the weights before the change
            plot.set_playhead(frame.shown if frame.visiting else None, measured)
        self.figures.show_held(frame.held)
        if test is not None or self._engine.state != "running":
            self.figures.show_score(test)

    def _measured(self, frame: TimelineFrame, what: str) -> dict[str, float | None]:
        """What was found of the net that is shown; None where nothing is known of it yet."""
        found: dict[str, float | None] = {}
        for name, score in (("test", frame.test), (HELD_BACK, frame.validation)):
            if score is not None and getattr(score, what) is not None:
                found[name] = getattr(score, what)
        if (frame.visiting or frame.by_hand) and not frame.former:
            found.setdefault(HELD_BACK, None)  # those at the ends of epochs are of other weights
        return found

    def _show_run(self, run: RunCurves) -> None:
        self.clear()
        steps, losses = unpack(run.steps), unpack(run.losses)
        if len(losses):
            self.loss.take("train", steps, losses[0], run.stride, unpack(run.smooth))
            if len(steps) and steps[-1] < run.tested_from:
                self.loss.part("train")
        for name, y in zip(run.objectives, losses[1:], strict=False):
            self.loss.append(name, steps, y)
        for name, scores in (("test", unpack(run.tests)), (HELD_BACK, unpack(run.validations))):
            known = scores[np.isfinite(scores[:, 2])]
            if len(scores):
                self.loss.append(name, *_parted(scores[:, [0, 1]], run.tested_from))
            if len(scores):
                self._show_accuracy(bool(len(known)))
            if len(known):
                self.accuracy.append(name, *_parted(known[:, [0, 2]], run.tested_from))
        seen = unpack(run.tests)[:, [0, 4]]
        seen = seen[np.isfinite(seen[:, 1])]
        self.accuracy.append("train", *_parted(seen, run.tested_from))
        batches = unpack(run.accuracies)
        self.accuracy.append_behind("train", batches[:, 0], batches[:, 1])
        self.loss.redraw()
        self.accuracy.redraw()

    def _add_score(self, score: Score) -> None:
        at, name = np.array([score.step]), HELD_BACK if score.held_back else "test"
        self.loss.append(name, at, np.array([score.loss]))
        self._show_accuracy(score.accuracy is not None)
        if score.accuracy is not None:
            self.accuracy.append(name, at, np.array([score.accuracy]))
        if score.training is not None:
            self.accuracy.append("train", at, np.array([score.training]))
        if not score.held_back:
            self.figures.show_score(score)

    def _show_accuracy(self, known: bool) -> None:
        """Show the accuracy, or leave it out where the net answers with numbers."""
        self.accuracy.setVisible(known)
        self.figures.show_accuracy(known)

    def _show_frame(self, frame: m.Frame) -> None:
        self.figures.show_frame(frame)
        self.progress.setRange(0, max(1, frame.total_steps))
        self.progress.setValue(min(frame.step, frame.total_steps))
        epochs = self.fields["epochs"]
        assert isinstance(epochs, QSpinBox)
        more = frame.epochs - self._document.root.training.epochs
        suffix = self.tr(" + {0:,} more").format(more) if more > 0 else ""
        if suffix != epochs.suffix():  # setting it takes what is being typed away
            epochs.setSuffix(suffix)


def _parted(tests: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of tests, with a gap before a step: the net or the data were others there.

    Args:
        tests: (step, value) of each, shape (n, 2).
    """
    place = int(np.searchsorted(tests[:, 0], at))
    if place:
        tests = np.insert(tests, place, (at - 0.5, np.nan), axis=0)
    return tests[:, 0], tests[:, 1]
