"""Draw a digit and watch the net one is building make something of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.digit_pad.neighbours import Neighbours
from app.panels.panel import Panel
from app.plots.tile_view import TileView
from app.style import fonts, painting, palette
from app.widgets.layouts import in_column, in_row
from app.widgets.note import Note
from app.widgets.sketch import SIDE, Sketch
from graphcore.datasets.images import read_image
from graphcore.records.arrays import pack, unpack
from graphcore.session.messages import Watch
from graphcore.views.digit_pad import DigitFrame, DigitRequest, NearestFrame, NearestRequest

LEAST = 11.0
"""Pixels that the line of a class takes, at least."""
USUAL = 10
"""Classes that there is room for before anything was drawn: the pad must not move under the pen."""
PAUSE_MS, WHILE_LEARNING_MS = 150, 2000
"""Before the nearest samples are searched for: after a stroke, and while the net learns."""


class DigitPadPanel(Panel):
    """The drawing, what the net gets of it, and what it takes it for.

    Signals:
        pictures: node name -> picture, of every layer that responds.
    """

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._layer = ""
        self.sketch = Sketch()
        self.sketch.changed.connect(self._on_drawn)
        self.centre = QCheckBox(self.tr("Centre like MNIST"))
        self.centre.setChecked(True)
        self.centre.setToolTip(
            self.tr("Scale the drawing into 20x20 and put its mass in the middle, as MNIST did")
        )
        self.centre.toggled.connect(lambda _on: self._on_drawn())
        self.back = QPushButton(self.tr("Undo"))
        self.back.setToolTip(self.tr("Undo the last stroke (Ctrl+Z while drawing)"))
        self.back.clicked.connect(self.sketch.undo)
        self.wipe = QPushButton(self.tr("Clear"))
        self.wipe.clicked.connect(self.sketch.clear)
        self.seen = TileView(
            self.tr("Input of the net"), self.tr("Draw: the net's input appears here.")
        )
        self.near = Neighbours()
        self.near.by.currentIndexChanged.connect(lambda _i: self._look_near(PAUSE_MS))
        self._near_timer = QTimer(self)
        self._near_timer.setSingleShot(True)
        self._near_timer.timeout.connect(self._ask_nearest)
        self.bars = ShareBars()
        self.words = Note("heading")
        self._lay_out()
        engine.on(DigitFrame, self.show_reply)
        engine.loaded.connect(lambda _loaded: self._on_drawn())
        engine.on(NearestFrame, self._on_nearest)
        self._on_drawn()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        self.folds = [row]
        row.setContentsMargins(8, 4, 8, 8)
        row.addLayout(self._make_left(), 3)
        row.addLayout(self._make_right(), 5)

    def _make_left(self) -> QVBoxLayout:
        below = in_row(self.back, self.wipe, 1)
        return in_column((self.sketch, 1), below)

    def _make_right(self) -> QVBoxLayout:
        caption = QLabel(self.tr("Input of the net"))
        caption.setObjectName("muted")
        head = in_row((caption, 1), self.centre)
        told = in_column(self.words, (self.bars, 1))
        answer = in_row((self.seen, 2), (told, 3))
        return in_column(head, (answer, 1), self.near)

    def take_picture(self, path: Path) -> None:
        """Show a picture in place of the drawing; raises DataError."""
        self.sketch.show_pixels(read_image(path, "L", SIDE)[0])

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        self._seen = seen
        if not seen:
            self._engine.shown.show_drawing(False)
        self._on_drawn()

    def forget(self) -> None:
        """Forget the strokes: another graph was opened."""
        self.sketch.forget()

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""
        layer = self._document.prefix + names[0] if len(names) == 1 else self._layer
        if layer != self._layer:
            self._layer = layer
            if self.near.by.currentIndex():
                self._look_near(PAUSE_MS)

    def _on_drawn(self) -> None:
        """The drawing is another, or it is looked at in another way."""
        self.back.setEnabled(self.sketch.can_undo)
        if self._seen and self.sketch.empty:
            self._show_nothing("")
        self.look()
        self._look_near(PAUSE_MS)

    def _look_near(self, pause: int) -> None:
        """Search for the nearest samples when one pauses: while one draws, the net answers."""
        if pause == PAUSE_MS or not self._near_timer.isActive():
            self._near_timer.start(pause)

    def _ask_nearest(self) -> None:
        by_layer = bool(self.near.by.currentIndex())
        if not self._seen or self.sketch.empty:
            self.near.clear()
        elif by_layer and not self._layer:
            self.near.clear(self.tr("Select a layer on the canvas."))
        else:
            node = self._layer if by_layer else ""
            pixels = pack(self.sketch.pixels())
            self._engine.ask(NearestRequest(pixels, self.centre.isChecked(), node))

    def _on_nearest(self, frame: NearestFrame) -> None:
        if not self.sketch.empty:
            self.near.show_frame(frame)

    def looks_at(self) -> DigitRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        watched = self._engine.looked_at(Watch).values
        pixels, drawn = pack(self.sketch.pixels()), not self.sketch.empty
        return DigitRequest(pixels, self.centre.isChecked(), watched, visible=drawn)

    def _show_nothing(self, why: str) -> None:
        self._engine.shown.show_drawing(False)
        self.words.setText(why)
        self.seen.clear()
        self.bars.set_shares((), np.zeros(0))

    def show_reply(self, frame: DigitFrame) -> None:
        """Show what the net makes of the drawing, and again while it learns."""
        if self.near.by.currentIndex():
            self._look_near(WHILE_LEARNING_MS)
        if self.sketch.empty or frame.problem or frame.shares is None or frame.seen is None:
            self._show_nothing(frame.problem)
            return
        self.seen.set_maps(unpack(frame.seen)[None])
        shares = unpack(frame.shares)
        names = frame.classes or tuple(str(i) for i in range(len(shares)))
        best = int(shares.argmax())
        self.words.setText(self.tr("{0}, with {1:.1%}").format(names[best], float(shares[best])))
        self.bars.set_shares(names, shares)
        self._engine.shown.show_drawing(self._seen)
        if self._seen:
            self.pictures.emit(frame.values)


class ShareBars(QWidget):
    """Probabilities as bars, a line each."""

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._shares = np.zeros(0)
        self.setAccessibleName(self.tr("Probabilities"))
        self.setMinimumHeight(round(LEAST * USUAL))

    def sizeHint(self) -> QSize:
        return QSize(180, 200)

    def set_shares(self, names: tuple[str, ...], shares: np.ndarray) -> None:
        """Show a bar for each class."""
        self._names, self._shares = names, shares
        self.setMinimumHeight(round(LEAST * max(USUAL, len(names))))
        said = (f"{n} {float(s):.1%}" for n, s in zip(names, shares, strict=True))
        self.setAccessibleDescription(", ".join(said))
        self.update()

    @property
    def shares(self) -> np.ndarray:
        """What is shown."""
        return self._shares

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        if not len(self._names):
            return
        with painting.on(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            p, height = palette.current(), min(24.0, self.height() / len(self._names))
            painter.setFont(fonts.figure_font(min(9.0, 0.6 * height)))
            wide = max(painter.fontMetrics().horizontalAdvance(n) for n in self._names) + 8
            room, best = self.width() - wide - 52, int(self._shares.argmax())
            for i, (name, share) in enumerate(zip(self._names, self._shares, strict=True)):
                line = QRectF(0, i * height, self.width(), height)
                painter.setPen(p.color("text"))
                painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, name)
                bar = QRectF(
                    wide, line.top() + height / 6, max(1.0, room * float(share)), height / 1.5
                )
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(p.color("accent" if i == best else "edge"))
                painter.drawRoundedRect(bar, 2, 2)
                painter.setPen(p.color("text" if i == best else "muted"))
                text = QRectF(bar.right() + 6, line.top(), 52, height)
                painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, f"{float(share):.1%}")
