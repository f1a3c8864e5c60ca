"""The loss landscape around the weights, refreshed while the net trains."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QElapsedTimer, QTimer
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout

from app.document.document import Document
from app.engine.engine import Engine, whose_weights
from app.panels.landscape.options import Fineness, TwoWeights
from app.panels.panel import Panel
from app.plots.landscape_view import LandscapeView
from app.widgets.layouts import in_column, in_row
from app.widgets.note import Note
from app.widgets.numbers import counted
from graphcore.datasets.probe import NAME as PROBE
from graphcore.records.arrays import unpack
from graphcore.session import messages as m
from graphcore.views.landscape import LandscapeFrame, LandscapeRequest, PlaneKind, SetPlanePoint

PLANES: tuple[PlaneKind, ...] = ("random", "pca", "weights", "towards")
MAP, SPACE, LINE = range(3)
STALE_STEPS, STALE_MS = 200, 4000
"""A surface that is so many steps and so long behind the run is hatched; one that is always being
made anew is not, however fast the net trains."""
STAMP_MS = 250
"""A longer stamp makes the window lay itself out again: not at every frame."""


class LandscapePanel(Panel):
    """Asks for a surface while it can be seen, and for none while it cannot."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._frame: LandscapeFrame | None = None
        self._step = 0
        self._seed = 0
        self._age = QElapsedTimer()
        self._restamp = QTimer(self, singleShot=True, interval=STAMP_MS)
        self._restamp.timeout.connect(self._show_stamp)
        self.view = LandscapeView()
        self.contour = self.view.contour
        in_column(
            self._make_controls(), self._make_choices(), (self.view, 1),
            on=self, margins=(8, 4, 8, 8), spacing=4,
        )  # fmt: skip
        engine.on(LandscapeFrame, self._on_landscape)
        engine.frame.connect(self._on_frame)
        engine.reset_done.connect(self.clear)
        self.view.dot_dragged.connect(lambda a, b: engine.ask(SetPlanePoint(a, b)))
        self.view.dot_released.connect(self._on_released)
        self.view.put_back.connect(self._on_put_back)
        self._offer()

    def _on_released(self, a: float, b: float) -> None:
        self._engine.ask(SetPlanePoint(a, b, release=True))
        self._document.message.emit(
            self.tr("The net has the weights under the dot: Play trains on from there, Escape or "
                    "Put back restores the previous ones.")
        )  # fmt: skip

    def _on_put_back(self) -> None:
        self._engine.ask(SetPlanePoint(0.0, 0.0, back=True))
        self._document.message.emit(self.tr("The net has its weights from before the drag again."))

    def _make_controls(self) -> QHBoxLayout:
        self.plane = QComboBox()
        self._random = self.tr("Random directions")
        self.plane.addItems(
            [self._random, self.tr("PCA of the path"), self.tr("Two weights"),
             self.tr("Towards")]
        )  # fmt: skip
        self.plane.setAccessibleName(self.tr("Plane"))
        self.plane.setToolTip(self.tr("Which plane through the space of all weights is shown"))
        self.form = QComboBox()
        self.form.addItems([self.tr("Map"), self.tr("3-D"), self.tr("Slice")])
        self.form.setAccessibleName(self.tr("Form"))
        self.form.setToolTip(
            self.tr("From above, in space, or cut along one line; drag and wheel move and zoom it")
        )
        self.log = QCheckBox(self.tr("log"))
        self.log.setChecked(True)
        self.log.setToolTip(self.tr("Colours, lines and heights by the logarithm of the loss"))
        self.fineness = Fineness()
        self.span, self.again = self.fineness.span, self.fineness.again
        self.scale = Note()
        row = in_row(self.plane, self.form, self.log, self.fineness, (self.scale, 1), spacing=6)
        self.plane.currentIndexChanged.connect(lambda _i: self.look())
        self.form.currentIndexChanged.connect(self._on_form)
        self.log.toggled.connect(self.view.set_log)
        self.fineness.changed.connect(self.look)
        self.fineness.other_directions.connect(self._new_directions)
        return row

    def _make_choices(self) -> QHBoxLayout:
        """What belongs to one kind of plane alone."""
        self.weights = TwoWeights()
        self.target = QComboBox()
        self.target.setAccessibleName(self.tr("Towards"))
        self.target.setToolTip(self.tr("Straight from the current weights at 0 to these at 1"))
        row = in_row((self.weights, 1), (self.target, 1))
        self.weights.changed.connect(self.look)
        self.target.activated.connect(lambda _i: self.look())
        return row

    def show_selection(self, names: Sequence[str]) -> None:
        """Which nodes are selected on the canvas."""
        self.weights.show_selection(names)

    def clear(self) -> None:
        """Nothing to see until the net is there."""
        self._frame, self._step = None, 0
        self.view.clear()
        self.view.set_labels("", "")
        self.contour.set_stamp("", False)
        self.scale.setText("")

    @property
    def _kind(self) -> PlaneKind:
        return PLANES[self.plane.currentIndex()]

    @property
    def kind(self) -> PlaneKind:
        """The kind of plane that is shown."""
        return self._kind

    def show_plane(self, kind: str) -> None:
        """Show another kind of plane."""
        if kind in PLANES:
            self.plane.setCurrentIndex(PLANES.index(kind))

    def _offer(self) -> None:
        """Show the fields that have a meaning for the chosen plane."""
        self.weights.setVisible(self._kind == "weights")
        self.target.setVisible(self._kind == "towards")
        self.span.setEnabled(self._kind in ("random", "weights"))
        self.again.setEnabled(self._kind in ("random", "towards"))

    def looks_at(self) -> LandscapeRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        self._offer()
        chosen = self.weights.chosen if self._kind == "weights" else ()
        target = self.target.currentText() if self._kind == "towards" else ""
        return LandscapeRequest(
            plane=self._kind, weights=chosen, target=target,
            line=self.form.currentIndex() == LINE, span=self.span.value(), seed=self._seed,
            resolution=self.fineness.resolution.currentData(),
            samples=self.fineness.samples.value(), split=self.fineness.split.currentData(),
        )  # fmt: skip

    def _new_directions(self) -> None:
        self._seed += 1
        self.look()

    def _on_form(self, form: int) -> None:
        self.view.set_in_space(form == SPACE)
        self.look()

    def _on_landscape(self, frame: LandscapeFrame) -> None:
        if self._frame is None or self._frame.step != frame.step:
            self._age.start()
        self._frame = frame
        self._show_exact(frame.exact)
        self.weights.set_shapes(frame.parameters)
        if [self.target.itemText(i) for i in range(self.target.count())] != list(frame.targets):
            chosen = self.target.currentText()
            self.target.clear()
            self.target.addItems(list(frame.targets))
            self.target.setCurrentText(chosen)
        view = self.view
        view.set_surface(unpack(frame.a), unpack(frame.b), unpack(frame.values))
        view.set_labels(*frame.labels)
        view.set_path(unpack(frame.path))
        view.set_current(*frame.current)
        view.redraw()
        self.contour.set_lowest(frame.lowest[:2] if frame.lowest else None)
        self.scale.setText(view.value_range())
        self._show_stamp()

    def _show_exact(self, exact: bool) -> None:
        """A net of two weights has one plane alone: theirs."""
        if exact:
            self.plane.setCurrentIndex(0)
        self.plane.setItemText(0, self.tr("Both weights") if exact else self._random)
        self.plane.setEnabled(not exact)

    def _on_frame(self, frame: m.Frame) -> None:
        if frame.step != self._step:
            self._step = frame.step
            if not self._restamp.isActive():
                self._restamp.start()

    def _show_stamp(self) -> None:
        f = self._frame
        if f is None:
            return
        behind = self._step - f.step
        stale = behind > STALE_STEPS and self._age.hasExpired(STALE_MS)
        ago = counted(behind, self.tr(", {0} step ago"), self.tr(", {0} steps ago"))
        age = ago if behind > 0 else ""
        whose = "" if age else whose_weights(self._engine.moment)
        probe = self._document.root.training.dataset == PROBE
        parts = [
            *([self.tr("STALE")] if stale else []),
            self.tr("Step {0:,}").format(f.step) + age + whose,
            counted(f.samples, self.tr("{0} sample"), self.tr("{0} samples"))
            + self.tr(" of {0}, evaluation mode").format(
                self.tr("the script's batch") if probe else f.split
            ),
            self.tr("refinement {0} of {1}").format(f.level, f.levels),
            *self._about_plane(f),
        ]
        self.contour.set_stamp(" · ".join(parts), stale)

    def _about_plane(self, f: LandscapeFrame) -> list[str]:
        """How much of the run or of the net the plane shows."""
        if f.exact:
            parts = [self.tr("exact: the net has these two numbers")]
            if f.lowest is not None:
                a, b, loss = f.lowest
                text = self.tr("+ smallest loss {0:.4g} at {1:.4g}, {2:.4g} in closed form")
                parts.append(text.format(loss, a, b))
            return parts
        parts = [f.note.rstrip(".")] if f.note else []
        if f.shares is not None:
            text = self.tr("plane holds {0:.0%} of the path's variance")
            parts.append(text.format(sum(f.shares)))
        elif f.off_plane > 0.005:
            text = self.tr("the weights lie beside the plane by {0:.0%} of their length")
            parts.append(text.format(f.off_plane))
        return parts
