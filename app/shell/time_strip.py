"""The strip below the canvas with which one goes through the recorded run."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from app.document.document import Document
from app.document.facts import bytes_text
from app.engine.engine import Engine, whose_weights
from app.style import icons, palette
from app.widgets.layouts import in_row
from app.widgets.numbers import accuracy_text, counted, loss_text
from app.widgets.time_slider import TimeSlider
from graphcore.records.arrays import unpack
from graphcore.records.epoch_count import epochs_done
from graphcore.session.messages import Failure
from graphcore.views.timeline import PutBack, TimelineFrame

MOST_TICKS = 60
"""With more epochs than that, only every so manieth has a tick."""
LEAST_SLIDER = 220
"""Pixels of the slider below which words make room for it: the tool tips say them, too."""
STEP, PLACE, BUTTONS, TESTED, ALL = range(5)
"""How much is said: the step; and the epoch and run; and words on buttons; and the test; all."""
LEAST, GAP = 240, 10


class TimeStrip(QWidget):
    """A slider over the recorded steps, "Now", and a button that begins a branch."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self.setObjectName("timeStrip")
        self._document, self._engine = document, engine
        self._steps = np.zeros(0, np.int64)
        self._frame = TimelineFrame()
        self._problem = ""
        self._sentences: list[tuple[str, ...]] = [("", "")] * (TESTED + 1)
        self._putting_back = False
        self.slider = TimeSlider()
        self.slider.setAccessibleName(self.tr("Time: the recorded steps of the run"))
        self.slider.setSingleStep(1)
        self.slider.setPageStep(10)
        self.slider.valueChanged.connect(self._on_moved)
        self.words, self.room = QLabel(), QLabel()
        self.room.setObjectName("muted")
        self.now = QPushButton()
        self.now.clicked.connect(self._on_now)
        self._branch_text = self.tr("Train on from here")
        self.branch = QPushButton(self._branch_text)
        self.branch.setAccessibleName(self._branch_text)
        self.branch.setToolTip(
            self.tr(
                "Train on from here: begin a branch at this step; the run that it leaves stays as "
                "it is"
            )
        )
        self.branch.clicked.connect(engine.play)
        self._lay_out()
        engine.on(TimelineFrame, self._on_timeline)
        engine.state_changed.connect(self._on_state)
        document.opened.connect(self.clear)
        palette.notifier.changed.connect(self._restyle)
        self._restyle()
        self.clear()

    def _lay_out(self) -> None:
        in_row(
            self.words, (self.slider, 1), self.room, self.now, self.branch,
            on=self, margins=(GAP, 3, GAP, 3), spacing=GAP,
        )  # fmt: skip

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, super().minimumSizeHint().height())

    def _share_room(self) -> None:
        """Say as much beside the slider as leaves it its least width."""
        for said in range(ALL, STEP - 1, -1):
            self._say(said)
            shown = [self.now.sizeHint().width(), self.branch.sizeHint().width()]
            shown += [self.words.width()] + [self.room.sizeHint().width()] * (said == ALL)
            if self.width() - sum(shown) - (len(shown) + 2) * GAP >= LEAST_SLIDER:
                break

    def _say(self, said: int) -> None:
        """Show so much: the words in the room of the longest of their kind, for a still slider."""
        sentences = self._sentences[min(said, TESTED)]
        self.words.setText(sentences[0])
        advance = self.words.fontMetrics().horizontalAdvance
        self.words.setFixedWidth(max(map(advance, sentences)) + 8)
        self.room.setVisible(said == ALL)
        self.branch.setText(self._branch_text if said >= BUTTONS else "")
        self.now.setText(self.now.accessibleName() if said >= BUTTONS else "")

    def clear(self) -> None:
        """There is no run."""
        self._on_timeline(TimelineFrame())

    @property
    def steps(self) -> np.ndarray:
        """The steps that one can go to, the newest last."""
        return self._steps

    def _on_moved(self, place: int) -> None:
        last = place >= len(self._steps) - 1
        self._engine.scrub(None if last else int(self._steps[place]))

    def _on_state(self, state: str) -> None:
        if state == "dead":
            self.clear()

    def _on_timeline(self, frame: TimelineFrame) -> None:
        self._frame = frame
        steps = unpack(frame.steps) if frame.steps is not None else np.zeros(0, np.int64)
        self._steps = steps
        some = len(steps) > 1
        self.slider.setEnabled(some)
        self._show_now(frame)
        self.branch.setEnabled(frame.visiting and bool(frame.counts))  # none of a script's
        if not self.slider.isSliderDown():
            blocker = QSignalBlocker(self.slider)
            self.slider.setRange(0, max(0, len(steps) - 1))
            last = not frame.visiting
            place = len(steps) - 1 if last else int(np.searchsorted(steps, frame.shown))
            self.slider.setValue(max(0, place))
            blocker.unblock()
        self._show_marks(frame)
        self._show_words(frame)

    def _show_now(self, frame: TimelineFrame) -> None:
        """The way back: from an earlier step to the newest, from weights changed to learned."""
        self._putting_back = frame.by_hand and not frame.visiting
        self.now.setEnabled(frame.visiting or frame.by_hand)
        text = self.tr("Put back") if self._putting_back else self.tr("Now")
        self.now.setAccessibleName(text)
        self.now.setToolTip(
            self.tr("Restore the weights of the newest training step")
            if self._putting_back
            else self.tr("Return to the newest step; the net is as training left it")
        )

    def _on_now(self) -> None:
        if self._putting_back:
            self._engine.ask(PutBack())
            self._document.message.emit(
                self.tr("The net has the weights of the newest training step.")
            )
        else:
            self._engine.scrub(None)

    def _show_marks(self, frame: TimelineFrame) -> None:
        """Ends of epochs, and the steps where this run's branches begin."""
        if len(self._steps) < 2:
            self.slider.set_marks([], [])
            return
        places = np.arange(len(self._steps))
        done = epochs_done(frame.counts, self._steps) if frame.counts else np.zeros(len(places))
        last = int(done[-1])
        every = max(1, last // MOST_TICKS)
        ends = np.interp(np.arange(every, last + 1, every), np.maximum.accumulate(done), places)
        begun = [r.begun_at for r in frame.runs if r.parent == frame.run]
        own = [r.begun_at for r in frame.runs if r.run == frame.run and r.parent is not None]
        branches = np.interp([*begun, *own], self._steps, places)
        self.slider.set_marks(ends.tolist(), branches.tolist())

    def _show_words(self, frame: TimelineFrame) -> None:
        if len(self._steps) < 2 and not frame.by_hand:
            later = self.tr("Step {0:,}").format(frame.newest)  # a run that began with an edit
            self._sentences = [(later if frame.newest else self.tr("No steps yet"), "")] * 4
            self.room.setText("")
            self._share_room()
            self.slider.setToolTip(
                self.tr("Train first: every step that is kept can be gone back to here.")
            )
            return
        text, test = self._where(frame, frame.shown), self._tested(frame)
        longest, tested = self._where(frame, frame.newest), self._test(0.888, 10_000)
        self._sentences = [
            tuple(self.tr("Step {0:,}").format(step) for step in (frame.shown, frame.newest)),
            (text, longest),
            (text, longest),
            (text + test, longest + tested),
        ]
        about = self._about_hand() if frame.by_hand else ""
        self.words.setToolTip("\n".join(filter(None, (text + test, about))))
        room = frame.memory + frame.disk
        steps = counted(len(self._steps), self.tr("{0} step"), self.tr("{0} steps"))
        self.room.setText(f"{steps}, {bytes_text(room)}")
        self._share_room()
        disk = self.tr(", {0} of it on disk").format(bytes_text(frame.disk)) if frame.disk else ""
        self.slider.setToolTip(
            self.tr(
                "Drag to see any of {0} recorded steps up to step {1:,}: all views show it.\n"
                "Arrow keys go one step, Home and End to the start and to now. {2} kept{3}.\n"
                "Of the early steps more are kept, so they lie further apart.\n"
                "Ticks end epochs, triangles are branches."
            ).format(len(self._steps), frame.newest, bytes_text(room), disk)
        )  # fmt: skip
        self.room.setToolTip(frame.problem or self.slider.toolTip())
        if frame.problem and frame.problem != self._problem:
            self._problem = frame.problem
            self._engine.failed.emit(Failure("disk", frame.problem))

    def _where(self, frame: TimelineFrame, step: int) -> str:
        if frame.counts:
            epoch = epochs_done(frame.counts, np.array([step]))[0]
            text = self.tr("Step {0:,} · epoch {1:.2f}").format(step, epoch)
        else:
            text = self.tr("Step {0:,}").format(step)
        if len(frame.runs) > 1:
            text += " · " + next(r.name for r in frame.runs if r.run == frame.run)
        return text + whose_weights(frame)

    def _tested(self, frame: TimelineFrame) -> str:
        test = frame.test
        if test is not None and test.accuracy is not None:
            return self._test(test.accuracy, test.samples)
        if test is not None:
            return self.tr(" · test loss {0}").format(loss_text(test.loss))
        return ""

    def _test(self, accuracy: float, samples: int) -> str:
        return self.tr(" · test {0} of {1:,}").format(accuracy_text(accuracy), samples)

    def _about_hand(self) -> str:
        return self.tr(
            "Training on from these weights begins a run of its own; the run before keeps what "
            "training had left."
        )

    def _restyle(self) -> None:
        p = palette.current()
        self.slider.set_mark_colors(p.color("muted"), p.color("warning"))
        self.now.setIcon(icons.icon("epoch"))
        self.branch.setIcon(icons.icon("play"))
