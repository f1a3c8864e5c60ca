"""The doctor: gradients from layer to layer, dead and saturated units, and what usually helps."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.health.remedies import REMEDIES, offers
from app.panels.panel import Panel
from app.plots.profile import ProfilePlot
from app.widgets.layouts import in_column
from app.widgets.numbers import format_number
from graphcore import ops
from graphcore.errors import GradscapeError
from graphcore.session.messages import Failure
from graphcore.views.health import Finding, HealthFrame, HealthRequest


class HealthPanel(Panel):
    """Asks for an examination while it can be seen.

    Signals:
        node_chosen: names to select on the canvas.
        ailing: names of the nodes at which something was found.
    """

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._frame: HealthFrame | None = None
        self._diverged: Finding | None = None
        empty = self.tr("Gradients appear here as soon as the net can run.")
        self.gradients = ProfilePlot(
            self.tr("Gradient of each weight (root mean square, log scale)"), empty
        )
        self.units = ProfilePlot(
            self.tr("Share of flat values in each activation"), "", logarithmic=False
        )
        self.dead = ProfilePlot(self.tr("Share of dead units in each ReLU"), "", logarithmic=False)
        self.updates = ProfilePlot(
            self.tr("Size of an update over that of the weight (log scale)"), ""
        )
        self.stamp = QLabel()
        self.stamp.setObjectName("muted")
        self.stamp.setWordWrap(True)
        self.cards: list[QFrame] = []
        self._sentences: list[QLabel] = []
        self._found = QVBoxLayout()
        self._found.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._lay_out()
        engine.on(HealthFrame, self.show_reply)
        engine.failed.connect(self._on_failed)
        engine.state_changed.connect(self._on_state)
        self.clear()

    def _lay_out(self) -> None:
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(10, 4, 10, 8)
        row.setSpacing(18)
        row.addWidget(_scrolled(self.gradients, self.updates, self.units, self.dead), 3)
        right = QWidget()
        in_column(self._found, 1, self.stamp, on=right, margins=0)
        row.addWidget(_scrolled(right), 2)

    def set_room(self, room: QSize) -> None:
        """What was found above its figures where there is no room beside."""
        beside = room.width() >= self.unfolded
        direction = QBoxLayout.Direction
        self._row.setDirection(direction.LeftToRight if beside else direction.BottomToTop)
        self._row.setStretch(1, 2 if beside else 4)

    def clear(self) -> None:
        """Another graph."""
        self._frame = self._diverged = None
        self.gradients.set_bars(())
        for plot in (self.units, self.dead, self.updates):
            plot.set_bars(())
        self.stamp.setText("")
        self._show_findings()

    def looks_at(self) -> HealthRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        return HealthRequest()

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        super().set_seen(seen)
        if not seen:
            self.ailing.emit(())

    def show_reply(self, frame: HealthFrame) -> None:
        """Show an examination."""
        before, self._frame = self._frame, frame
        self.gradients.set_bars([(layer.name, layer.gradient) for layer in frame.layers])
        self.units.set_bars([(unit.node, unit.saturated) for unit in frame.units])
        self.dead.set_bars(
            [(unit.node, unit.dead) for unit in frame.units if ops.get(unit.operator).dies]
        )
        self.dead.setVisible(bool(self.dead.bars))
        self.updates.set_bars([(w.name, w.change / w.weight) for w in frame.layers if w.weight > 0])
        if before is None or _said(before) != _said(frame):
            self._show_findings()
        for sentence, finding in zip(self._sentences, self.findings, strict=True):
            sentence.setText(finding.sentence)
        self._mark()
        text = self.tr("Step {0:,}. ").format(frame.step)
        if frame.ratio is not None:
            text += self.tr("First to last weight: gradient {0}.").format(
                format_number(frame.ratio, 2)
            )
        self.stamp.setText(text)

    def _on_failed(self, failure: Failure) -> None:
        """Training stopped at a number that is not finite: nothing is more urgent."""
        if failure.kind == "diverged":
            self._diverged = Finding(failure.node, failure.message, "again")
            self._refresh()

    def _on_state(self, state: str) -> None:
        if state == "running" and self._diverged is not None:
            self._diverged = None
            self._refresh()

    def _refresh(self) -> None:
        self._show_findings()
        self._mark()

    def _mark(self) -> None:
        """Mark on the canvas where something was found."""
        self.ailing.emit(tuple(finding.node for finding in self.findings))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, the most urgent first."""
        found = self._frame.findings if self._frame is not None else ()
        return found if self._diverged is None else (self._diverged, *found)

    def _show_findings(self) -> None:
        while (item := self._found.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._sentences.clear()
        remedies = offers([f.remedy for f in self.findings])
        self.cards = [self._card(f, r) for f, r in zip(self.findings, remedies, strict=True)]
        if not self.cards and self._frame is not None:
            self._found.addWidget(QLabel(self.tr("Nothing is wrong: this net can learn.")))
        for card in self.cards:
            self._found.addWidget(card)

    def _card(self, finding: Finding, remedies: tuple[str, ...]) -> QFrame:
        """A sentence, where it shows, and what usually helps."""
        card = QFrame()
        card.setObjectName("problem")
        card.setFrameShape(QFrame.Shape.StyledPanel)
        sentence = QLabel(finding.sentence)
        sentence.setWordWrap(True)
        self._sentences.append(sentence)
        buttons = QVBoxLayout()
        buttons.setAlignment(Qt.AlignmentFlag.AlignLeft)
        buttons.setSpacing(6)
        for key in remedies:
            buttons.addWidget(self._remedy_button(key, key == finding.remedy))
        if finding.node:
            show = QPushButton(self.tr("Show"))
            show.setMinimumHeight(28)
            show.setToolTip(self.tr("Select the node on the canvas"))
            show.clicked.connect(lambda: self.node_chosen.emit([finding.node.split("/")[0]]))
            buttons.addWidget(show)
        in_column(sentence, buttons, on=card, margins=(10, 8, 10, 8))
        return card

    def _remedy_button(self, key: str, first: bool) -> QPushButton:
        button = QPushButton(QCoreApplication.translate("Remedies", REMEDIES[key].label))
        button.setObjectName("primary" if first else "")
        button.setMinimumHeight(28)
        button.clicked.connect(lambda: self.treat(key))
        return button

    def treat(self, key: str) -> None:
        """Apply a remedy as one undoable step, with a restart of training where it needs one."""
        remedy = REMEDIES[key]
        try:
            with self._document.macro(QCoreApplication.translate("Remedies", remedy.label)):
                remedy.apply(self._document)
                if remedy.restart:
                    self._document.look_at("", self._start_anew, None, None)
        except GradscapeError as error:
            self._document.message.emit(str(error))

    def _start_anew(self, _: None) -> None:
        """When the graph is as it is to be: with its initial weights."""
        QTimer.singleShot(0, self, self._engine.start_anew)


def _said(frame: HealthFrame) -> tuple[tuple[str, str], ...]:
    """What the cards stand for: a figure that moves makes no new card, its sentence follows."""
    return tuple((f.node, f.remedy) for f in frame.findings)


def _scrolled(*widgets: QWidget) -> QScrollArea:
    inside = QWidget()
    in_column(*widgets, 1, on=inside, margins=(0, 0, 6, 0))
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area
