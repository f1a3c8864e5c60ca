"""The bar that runs training: play, pause, one step, one epoch, reset, speed, learning rate."""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QElapsedTimer, QSignalBlocker, Qt
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from app.document.document import Document
from app.engine.engine import Engine
from app.style import icons, palette
from app.widgets.number_field import NumberField
from graphcore.graph.elements import Change
from graphcore.session import messages as m
from graphcore.views.timeline import TimelineFrame

SPEEDS: tuple[float | None, ...] = (1, 2, 5, 10, 30, 100, None)
"""Steps per second; None is full speed."""
TELL_MS = 250
"""A rate that changes with every step is read, not watched."""


class TransportBar(QWidget):
    """Buttons for the engine; shows what it is doing."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self._told = QElapsedTimer()
        self._lr, self._of_script = 0.0, False
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(3)
        self.play = self._button(row, "play", self.tr("Train"), "F5", self._toggle)
        self.step = self._button(row, "step", self.tr("One step"), "F6", lambda: engine.run(1))
        self.epoch = self._button(
            row, "epoch", self.tr("To the end of the epoch"), "F7", engine.run_epoch
        )
        self.reset = self._button(
            row, "reset", self.tr("Back to the same start"), "F8", engine.reset
        )
        self._add_speed(row)
        self._add_rate(row)
        engine.state_changed.connect(self._on_state)
        engine.frame.connect(self._on_frame)
        engine.on(TimelineFrame, self._show_rate_there)
        engine.loaded.connect(lambda _loaded: self._on_state(engine.state))
        document.opened.connect(self._show_rate)
        document.changed.connect(self._on_change)
        palette.notifier.changed.connect(self._restyle)
        self._show_rate()
        self._on_state(engine.state)

    def _button(self, row: QHBoxLayout, icon: str, text: str, key: str, run: object) -> QToolButton:
        button = QToolButton()
        button.setIcon(icons.icon(icon))
        button.setProperty("icon_name", icon)
        button.setToolTip(f"{text} ({key})")
        button.setAccessibleName(text)
        button.clicked.connect(lambda _checked=False: run())  # type: ignore[operator]
        row.addWidget(button)
        return button

    def _add_speed(self, row: QHBoxLayout) -> None:
        self.speed = QSlider(Qt.Orientation.Horizontal)
        self.speed.setRange(0, len(SPEEDS) - 1)
        self.speed.setValue(len(SPEEDS) - 1)
        self.speed.setFixedWidth(90)
        self.speed.setAccessibleName(self.tr("Speed"))
        self.speed.setToolTip(self.tr("Speed: from one step per second to as fast as it goes"))
        self._speed_text = QLabel()
        self._speed_text.setObjectName("muted")
        self._speed_text.setMinimumWidth(62)
        self.speed.valueChanged.connect(self._on_speed)
        row.addSpacing(8)
        row.addWidget(self.speed)
        row.addWidget(self._speed_text)
        self._show_speed()

    def _add_rate(self, row: QHBoxLayout) -> None:
        label = self._rate_text = QLabel(self.tr("Learning rate"))
        label.setObjectName("muted")
        self.rate = NumberField()
        self.rate.setRange(0.0, 1000.0)
        self.rate.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.rate.setKeyboardTracking(False)
        self.rate.setAccessibleName(label.text())
        self.rate.setToolTip(self.tr("Learning rate: takes effect at the next step"))
        self.rate.valueChanged.connect(self._set_rate)
        self.scheduled = QLabel()
        self.scheduled.setObjectName("muted")
        self.scheduled.ensurePolished()
        widest = self.scheduled.fontMetrics().horizontalAdvance(
            self.tr("now {0}").format("8.88e-88")
        )
        self.scheduled.setFixedSize(widest + 8, self.scheduled.sizeHint().height())
        row.addSpacing(8)
        row.addWidget(label)
        row.addWidget(self.rate)
        row.addWidget(self.scheduled)

    def set_narrow(self, narrow: bool) -> None:
        """Leave the names of the fields out; their tool tips say them."""
        self._rate_text.setVisible(not narrow)
        self._speed_text.setVisible(not narrow)
        self.scheduled.setVisible(not narrow)

    def _toggle(self) -> None:
        if self._engine.state == "running":
            self._engine.pause()
        else:
            self._engine.play()

    def _on_speed(self, place: int) -> None:
        self._engine.set_speed(SPEEDS[place])
        self._show_speed()

    def _show_speed(self) -> None:
        speed = SPEEDS[self.speed.value()]
        self._speed_text.setText(
            self.tr("full speed") if speed is None else self.tr("{0:g} step/s").format(speed)
        )

    def _on_change(self, change: Change) -> None:
        if change.kind == "training_changed":
            self._show_rate()

    def _set_rate(self, lr: float) -> None:
        """Change the graph's learning rate, and through it the engine's."""
        training = self._document.root.training
        self._document.set_training(msgspec.structs.replace(training, lr=lr))

    def _show_rate(self) -> None:
        blocker = QSignalBlocker(self.rate)
        self.rate.setSpecialValueText("–" if self._of_script else "")  # its own is not known here
        self.rate.setValue(0.0 if self._of_script else self._document.root.training.lr)
        blocker.unblock()

    def _on_state(self, state: str) -> None:
        running = state == "running"
        self.play.setProperty("icon_name", "pause" if running else "play")
        further = self._engine.further_epochs()
        train = self.tr("{0} (F5)").format(further) if further else self.tr("Train (F5)")
        self.play.setToolTip(self.tr("Pause (F5)") if running else train)
        self.play.setAccessibleName(self.tr("Pause") if running else self.tr("Train"))
        possible = state not in ("starting", "loading")
        if self._engine.problem and not running:
            self.play.setToolTip(
                self.tr("The graph cannot be trained yet. {0}").format(self._engine.problem)
            )
        for button in (self.play, self.step, self.epoch, self.reset):
            button.setEnabled(possible)
        self.step.setEnabled(possible and not running)
        self.epoch.setEnabled(possible and not running)
        self._restyle()

    def _on_frame(self, frame: m.Frame) -> None:
        self.reset.setEnabled(frame.moved_on)
        if frame.of_script != self._of_script:
            self._of_script = frame.of_script
            self.rate.setEnabled(not frame.of_script)
            self._show_rate()
        if frame.state == "running" and self._told.isValid() and self._told.elapsed() < TELL_MS:
            return
        self._told.start()
        self._lr = frame.lr
        self._show_rate_there()

    def _show_rate_there(self, _timeline: object = None) -> None:
        """Beside the rate of the settings: that of the schedule, or of an earlier step shown."""
        training, moment = self._document.root.training, self._engine.moment
        text = tip = ""
        if moment.visiting:
            if moment.rate != training.lr:
                text = self.tr("then {0:.3g}").format(moment.rate)
                tip = self.tr("The learning rate of the update that made the step that is shown")
        elif training.schedule != "constant":
            text = self.tr("now {0:.3g}").format(self._lr)
            tip = self.tr("What the schedule makes of the learning rate at the next step")
        self.scheduled.setText(text)
        self.scheduled.setToolTip(tip)

    def _restyle(self) -> None:
        for button in (self.play, self.step, self.epoch, self.reset):
            button.setIcon(icons.icon(button.property("icon_name")))
