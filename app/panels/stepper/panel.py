"""Step by step through both passes of one sample: a debugger for backpropagation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSlider,
    QToolButton,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.panels.stepper import words as walk_words
from app.panels.stepper.check import CheckBar
from app.panels.stepper.element import WrittenOut
from app.panels.stepper.numbers import StepNumbers
from app.panels.stepper.position import Event, Walk
from app.panels.stepper.quantities import Quantities
from app.panels.stepper.sum_words import factor_rows
from app.panels.stepper.tensor_view import TensorView
from app.plots.activation_curve import ActivationCurve
from app.style import icons, palette
from app.widgets.formula import FormulaView, typeset_ahead
from app.widgets.layouts import in_column
from app.widgets.note import Note
from app.widgets.number_field import WholeField
from graphcore.graph.composites import levels
from graphcore.records.arrays import pack, unpack
from graphcore.training.sample import Sample
from graphcore.views.stepper import NumbersFrame, NumbersRequest, Quantity, WalkFrame

MOST_TOGETHER = 64
"""Samples that go through together."""
LEAST_WORDS = 210
"""Pixels of width of what happens at a step, in words."""
LEAST_HEIGHTS = (76, 120, 130, 150, 130, 130)
"""Pixels of height of each part in a narrow panel, where they stand below each other."""


class WalkPanel(Panel):
    """Buttons, the sample, and what happens at this step.

    Signals:
        looked_at: whether the panel can be seen.
        node_chosen: names to select on the canvas.
    """

    walk: Walk
    unfolded = 620

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self.walk = Walk(document, engine)
        self._selected = ""
        self._written = WrittenOut(document, engine, self.walk)
        self._icons: list[tuple[QToolButton, str]] = []
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        bars, parts = self._make_bars(), self._make_words()
        in_column(bars, (parts, 1), on=self, margins=(10, 4, 10, 6), spacing=6)
        self.folds = [bars, parts]
        self.walk.moved.connect(self._show)
        self._ahead = QTimer(self, interval=0)
        self._ahead.timeout.connect(self._typeset_next)
        self._untypeset: list[Event] = []
        engine.on(WalkFrame, lambda _frame: self._typeset_ahead())
        engine.on(NumbersFrame, self._show_whole)
        self._written.told.connect(self._show_element)
        engine.state_changed.connect(lambda _state: self._show())
        palette.notifier.changed.connect(self._restyle)
        self._show()

    # -- parts --------------------------------------------------------------------------------

    def _make_bars(self) -> QBoxLayout:
        """The buttons, the sample and the check, beside each other or below."""
        bars = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        bars.setSpacing(4)
        bars.addLayout(self._make_buttons())
        bars.addLayout(self._make_sample(), 1)
        self.check = CheckBar(self._document, self._engine)
        self.check.told.connect(self._tell_check)
        self.check.found.connect(self.walk.set_errors)
        bars.addWidget(self.check)
        return bars

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        walk = self.walk
        row.setSpacing(4)
        self.restart = self._button(row, "reset", self.tr("Back to the start"), "", walk.restart)
        self.back = self._button(
            row, "undo", self.tr("One step back"), "Shift+F10, ←", walk.back, self.tr("Back")
        )
        self.step = self._button(
            row, "step_op", self.tr("One node on"), "F10, →", walk.step, self.tr("Step")
        )
        self.layer = self._button(
            row, "step", self.tr("On to the next layer"), "Ctrl+F10", walk.next_layer
        )
        self.finish = self._button(
            row, "epoch", self.tr("To the end of the pass"), "Ctrl+Shift+F10", walk.finish_pass
        )
        self.play = self._button(row, "play", self.tr("Slow motion"), "Alt+F10", walk.toggle_play)
        self.pace = QSlider(Qt.Orientation.Horizontal)
        self.pace.setRange(2, 40)
        self.pace.setValue(14)
        self.pace.setFixedWidth(64)
        self.pace.setAccessibleName(self.tr("Pace"))
        self.pace.setToolTip(self.tr("Pace of the slow motion"))
        self.pace.valueChanged.connect(lambda v: walk.set_pace(v / 10))
        row.addWidget(self.pace)
        self.pause_at = self._button(
            row, "eye", self.tr("Stop at the selected node"), "F9", self.toggle_breakpoint
        )
        self.pause_at.setCheckable(True)
        row.addStretch(1)
        return row

    def _button(
        self, row: QHBoxLayout, icon: str, text: str, key: str, run: Callable[[], object],
        label: str = "",
    ) -> QToolButton:  # fmt: skip
        button = QToolButton()
        if label:  # before the key: setText takes it away
            button.setText(label)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIcon(icons.icon(icon))
        button.setToolTip(f"{text}  ({key})" if key else text)
        button.setAccessibleName(text)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.installEventFilter(self)
        button.clicked.connect(lambda _on: run())
        self._icons.append((button, icon))
        row.addWidget(button)
        return button

    def _make_sample(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.sample_name = QLabel(self.tr("Sample"))
        self.sample = WholeField()
        self.sample.setMaximum(0)
        self.sample.setAccessibleName(self.tr("Sample"))
        self.sample.setToolTip(self.tr("Which sample goes through the net: see also Samples"))
        self.sample.valueChanged.connect(self._choose)
        self.verdict = Note()
        self.batch = WholeField()
        self.batch.setRange(1, MOST_TOGETHER)
        self.batch.setFixedWidth(72)
        self.sample.setFixedWidth(86)
        self.batch.setPrefix("× ")
        self.batch.setAccessibleName(self.tr("Samples that go through together"))
        self.batch.setToolTip(
            self.tr("How many samples go through together, this one first: the loss is their "
                    "average, and so are the gradients. Values are shown of the first.")
        )  # fmt: skip
        self.batch.valueChanged.connect(self.walk.set_batch)
        self.training = QCheckBox(self.tr("as in training"))
        self.training.setToolTip(
            self.tr("Dropout drops, and batch norm takes the statistics of the samples that go "
                    "through together, as they do while the net trains")
        )  # fmt: skip
        self.training.toggled.connect(self.walk.set_training)
        for widget in (self.sample_name, self.sample, self.batch, self.training, self.verdict):
            row.addWidget(widget, 4 if widget is self.verdict else 0)
        row.addStretch(1)
        return row

    def _make_words(self) -> QBoxLayout:
        row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        row.setSpacing(18)
        self.title = QLabel()
        self.title.setObjectName("heading")
        self.title.setWordWrap(True)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        text = QWidget()
        in_column(self.title, (self.words, 1), on=text, margins=0)
        self.formula = FormulaView()
        self.value = TensorView(self.tr("Value"))
        self.gradient = TensorView(self.tr("Gradient"))
        for view in (self.value, self.gradient):
            view.number_chosen.connect(self._written.choose)
        self.value.table_wanted.connect(lambda: self.open_table("value"))
        self.gradient.table_wanted.connect(lambda: self.open_table("gradient"))
        self.told = _scrolling(text)
        self.told.setMinimumWidth(LEAST_WORDS)
        self.curve, self.quantities = ActivationCurve(), Quantities()
        self._parts: tuple[QWidget, ...] = (
            self.told, _scrolling(self.formula), self.curve, self.quantities, self.value,
            self.gradient,
        )  # fmt: skip
        for part, share in zip(self._parts, (4, 4, 3, 7, 3, 3), strict=True):
            row.addWidget(part, share)
        return row

    def _show_curve(self) -> None:
        """The current node's function, if it is an activation."""
        event, frame = self.walk.shown, self.walk.frame
        curve = frame.curves.get(event.node) if event and frame else None
        self.curve.setVisible(curve is not None)
        if curve is not None:
            x, y, slope, edges, counts = (
                unpack(part) for part in (curve.x, curve.y, curve.slope, curve.edges, curve.counts)
            )
            self.curve.set_curve(x, y, slope, edges, counts, curve.flat)

    def _show_quantities(self) -> None:
        """What the current node computes on the way, and what becomes of its parameters."""
        event, frame = self.walk.shown, self.walk.frame
        told: tuple[Quantity, ...] = ()
        if event and frame:
            told = frame.quantities.get(event.node, ())
            if event.phase == "backward":
                told += walk_words.update_rows(frame, event.node)
                told += frame.jacobians.get(event.node, ())
            elif event.phase == "update":
                told = walk_words.update_rows(frame, self._selected)
                told = told or walk_words.update_rows(frame, "")
        factors = factor_rows(self._written.element) if self._written.element is not None else {}
        written = tuple(Quantity(n, pack(a.astype(np.float32))) for n, a in factors.items())
        self.quantities.show_quantities((*written, *told))

    def _show_pictures(self) -> None:
        """The current node's value, and its gradient once it is there; values on hover."""
        event, frame = self.walk.shown, self.walk.frame
        name, smaller = event.node if event and frame else "", False
        for view, pictures, done in (
            (self.value, frame.values if frame else {}, self.walk.valued),
            (self.gradient, frame.gradients if frame else {}, self.walk.sloped),
        ):
            if view.show_picture(pictures.get(name) if name in done else None):
                smaller = True
        if smaller:
            self._engine.ask(NumbersRequest(name))

    def _show_whole(self, told: NumbersFrame) -> None:
        """All numbers of the current node, where its pictures are smaller."""
        event = self.walk.shown
        if event is None or event.node != told.name:
            return
        for view, kind in ((self.value, "value"), (self.gradient, "gradient")):
            if not view.isHidden() and kind in told.tensors:
                view.show_all(unpack(told.tensors[kind]))

    def open_table(self, kind: str) -> None:
        """All numbers of the current node's "value" or "gradient" as a table."""
        event, frame = self.walk.shown, self.walk.frame
        if event is not None and event.node and frame is not None:
            own = [n for n in frame.values if n.startswith(f"{event.node}.")]
            names = (event.node, *own)
            StepNumbers(self._document, self._engine, names, kind, self.window()).show()

    # -- what is shown ------------------------------------------------------------------------

    def _show(self) -> None:
        walk = self.walk
        there = bool(walk.events)
        onward = there and walk.done < len(walk.events)
        able = {
            self.step: onward, self.layer: onward, self.finish: onward, self.play: there,
            self.back: walk.done > 0, self.restart: walk.done > 0,
        }  # fmt: skip
        for button, enabled in able.items():
            if button.hasFocus() and not enabled:
                self.setFocus(Qt.FocusReason.OtherFocusReason)  # else the keys leave the panel
            button.setEnabled(enabled)
        self.play.setIcon(icons.icon("pause" if walk.playing else "play"))
        self.pause_at.setChecked(self._selected in walk.breakpoints)
        self.pause_at.setEnabled(bool(self._selected))
        self.title.setText(walk_words.title(walk) if there else self._waiting())
        self.words.setText("\n".join(walk_words.sentences(self._document.root, walk)))
        self._written.ask()
        self._show_formula()
        self._show_curve()
        self._show_quantities()
        self._show_pictures()
        self._show_sample()

    def _show_formula(self) -> None:
        """The current node's rule, with one number of its output written out."""
        event, frame = self.walk.shown, self.walk.frame
        if event is None or frame is None:
            self.formula.set_latex()
            return
        rule = walk_words.formulas(self._document.root, frame, event)
        self.formula.set_latex(*rule, *self._written.lines)

    def _show_element(self) -> None:
        self._show_formula()
        self._show_quantities()

    def _typeset_ahead(self) -> None:
        """Have every step's formulas ready, one event loop's turn each."""
        self._untypeset = list(reversed(self.walk.events))
        self._ahead.start()

    def _typeset_next(self) -> None:
        frame = self.walk.frame
        if not self._untypeset or frame is None:
            self._ahead.stop()
            return
        event = self._untypeset.pop()
        typeset_ahead(walk_words.formulas(self._document.root, frame, event))

    def _waiting(self) -> str:
        if self.walk.frame is not None and self.walk.frame.problem:
            return self.walk.frame.problem
        if self._engine.state == "running":
            return self.tr("Pause training to step through a sample.")
        return self.tr("Step through both passes here as soon as the graph can run.")

    def _choose(self, index: int) -> None:
        self._engine.choose_sample(Sample(index, self._engine.chosen_sample.split))

    def _show_sample(self) -> None:
        frame = self.walk.frame
        has_samples = frame is not None and frame.samples > 0
        for widget in (self.sample_name, self.sample, self.batch, self.verdict):
            widget.setVisible(has_samples)
        two_modes = any(n.op.two_modes for _, level in levels(self._document.root) for n in level)
        self.training.setVisible(has_samples and two_modes)
        if frame is None or not has_samples:
            return
        with QSignalBlocker(self.sample):
            self.sample.setMaximum(frame.samples - 1)
            self.sample.setValue(self._engine.chosen_sample.index)
        chosen = self._engine.chosen_sample
        left = 1 if chosen.given is not None else frame.samples - frame.sample
        with QSignalBlocker(self.batch):  # what is wished for stays, where there are fewer
            self.batch.setMaximum(min(MOST_TOGETHER, left))
            self.batch.setValue(self.walk.batch)
        self.sample_name.setText(
            self.tr("Drawn, in place of") if chosen.drawn
            else self.tr("Typed, in place of") if chosen.given is not None
            else self.tr("Sample of {0}").format(chosen.split)
        )  # fmt: skip
        done = all(name in self.walk.valued for name in frame.forward)
        words = self.tr("a {0}").format(frame.label) if frame.label else ""
        if done and frame.answer:
            words += self.tr(", predicted as {0}").format(frame.answer)
        if frame.unknown:
            words = self.tr("no true value is known")
        self.verdict.setText(words)
        self.sample_name.setToolTip(words)  # a narrow panel has no room for it

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""
        name = names[0] if len(names) == 1 else ""
        self._selected = self._document.prefix + name if name else ""
        self.check.show_node(name)
        self._show()

    def toggle_breakpoint(self) -> None:
        """Stop at the selected node, or no longer."""
        if self._selected:
            self.walk.toggle_breakpoint(self._selected)

    def _tell_check(self, words: str) -> None:
        self.title.setText(self.tr("Check me"))
        self.words.setText(words)

    # -- keys ---------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The buttons leave the arrows to the panel."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._press(event)
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._press(event):
            super().keyPressEvent(event)

    def _press(self, event: QKeyEvent) -> bool:
        """Right and left: a step on or back; down: a layer; Home and End: of the passes."""
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        walk = self.walk
        run = {
            Qt.Key.Key_Right: walk.step, Qt.Key.Key_Left: walk.back,
            Qt.Key.Key_Down: walk.next_layer, Qt.Key.Key_End: walk.finish_pass,
            Qt.Key.Key_Home: walk.restart,
        }.get(Qt.Key(event.key()))  # fmt: skip
        if run is None:
            return False
        run()
        return True

    # -- the window ---------------------------------------------------------------------------

    def set_room(self, room: QSize) -> None:
        """Everything below each other in a panel that is higher than wide."""
        super().set_room(room)
        narrow = room.width() < self.unfolded
        style = Qt.ToolButtonStyle
        self.back.setToolButtonStyle(
            style.ToolButtonIconOnly if narrow else style.ToolButtonTextBesideIcon
        )
        self.check.part.setMinimumContentsLength(6 if narrow else 14)
        for part, height in zip(self._parts, LEAST_HEIGHTS, strict=True):
            part.setMinimumHeight(height if narrow else 0)

    def _restyle(self) -> None:
        for button, icon in self._icons:
            button.setIcon(icons.icon(icon))
        self._show()

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        self.walk.show(seen)
        self.looked_at.emit(seen)


def _scrolling(inner: QWidget) -> QScrollArea:
    """A part that may be higher than the panel."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setWidget(inner)
    return area
