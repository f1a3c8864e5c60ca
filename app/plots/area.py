"""What every plot with axes shares: theme, quiet axes, the reading at the pointer, empty state."""

from __future__ import annotations

import html
import math
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QLabel, QScrollArea, QToolButton, QWidget

from app.plots import items
from app.style import fonts, icons, painting, palette

TICK_POINTS = LABEL_POINTS = 8.0
TICK_GAP = 8.0
"""Pixels between two labels of the axis below, at least."""
TICK_PIXELS = 40.0
"""Pixels from one tick to the next, about, where a logarithmic axis is divided evenly."""
SIDES = ("left", "bottom")


class Axis(pg.AxisItem):  # type: ignore[misc]
    """Tick labels with thousands apart; on a logarithmic axis only those that have room.

    A name that is longer than the axis loses what it has in brackets, then ends in dots.
    """

    labelText: str  # noqa: N815

    def __init__(self, side: str) -> None:
        super().__init__(side)
        # Its grid lies behind the curves: without this it is painted with each of their points.
        self.setCacheMode(self.CacheMode.DeviceCoordinateCache)

    def labelString(self) -> str:
        whole, room = self.labelText, self.size()
        text = whole
        length = room.height() if self.orientation == "left" else room.width()
        metrics = QFontMetricsF(fonts.text_font(LABEL_POINTS))
        if metrics.horizontalAdvance(text) > length:
            text = text.partition(" (")[0]
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, length)
        self.labelText = html.escape(shown)  # it becomes markup
        try:
            return str(super().labelString())
        finally:
            self.labelText = whole

    def resizeEvent(self, event: object = None) -> None:
        if getattr(self, "label", None) is not None:  # gone while the plot closes
            self.label.setHtml(self.labelString())
        super().resizeEvent(event)
        self._forget_picture()

    def setRange(self, mn: float, mx: float) -> None:
        super().setRange(mn, mx)
        self._forget_picture()

    def _forget_picture(self) -> None:
        """Drop what is kept of the axis: Qt may keep parts of it when the plot's size changes."""
        for mode in (self.CacheMode.NoCache, self.CacheMode.DeviceCoordinateCache):
            self.setCacheMode(mode)

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if self.logMode:
            decades = self.range[1] - self.range[0]
            if decades < 1:
                return _evenly([10**v for v in values], spacing)
            kept = {1} if decades > 3 else {1, 2, 5}
            return [_power(v) if round(10 ** (v % 1)) in kept else "" for v in values]
        apart, largest = spacing * scale, max((abs(v * scale) for v in values), default=0.0)
        if apart >= 1 or largest >= 1000:
            digits = 0 if apart >= 1 else math.ceil(-math.log10(max(apart, 1e-9)))
            texts = [f"{v * scale:,.{digits}f}" for v in values]
        else:
            texts = super().tickStrings(values, scale, spacing)
        return [t.replace("-", "−") for t in texts]

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """As the base class; within a decade, which holds few powers, round numbers."""
        if not self.logMode or high - low >= 1:
            found: list[tuple[float, list[float]]] = super().tickValues(low, high, size)
            return found
        first, last = 10**low, 10**high
        step = _round_step((last - first) / min(6.0, max(2.0, size / TICK_PIXELS)))
        if not step > 0 or last - first < last * 1e-9:
            return []
        counts = range(math.ceil(first / step), math.floor(last / step) + 1)
        return [(step, [math.log10(n * step) for n in counts if n > 0])]

    def generateDrawSpecs(self, p: QPainter) -> tuple[Any, list[Any], list[Any]] | None:
        """As the base class; labels that would run into one before them are left out."""
        found: tuple[Any, list[Any], list[Any]] | None = super().generateDrawSpecs(p)
        if found is None:
            return found
        kept: list[Any] = []
        boxes: list[QRectF] = []
        for label in found[2]:  # those of the widest spacing come first
            box = self._label_box(label[0], label[2])
            if label[2] and not any(box.intersects(other) for other in boxes):
                kept.append(label)
                boxes.append(box)
        return *found[:2], kept

    def _label_box(self, near: QRectF, text: str) -> QRectF:
        """Return the place of a label with half the gap that it wants, as the window draws it."""
        metrics = QFontMetricsF(fonts.figure_font(TICK_POINTS))
        below = self.orientation == "bottom"
        wide = metrics.horizontalAdvance(text) + TICK_GAP * below
        high = metrics.capHeight() + 2.0
        return QRectF(near.center().x() - wide / 2, near.center().y() - high / 2, wide, high)


def _power(exponent: float) -> str:
    value = 10**exponent
    return f"{value:,.0f}" if 1 <= value < 1e5 else f"{value:.0g}".replace("e-0", "e−")


def _round_step(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten, not below ``least``."""
    if not 0 < least < math.inf:
        return 0.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= least * 0.999)


def _evenly(values: list[float], step: float) -> list[str]:
    """Numbers that lie a step apart, all with as many decimals as it has."""
    if not values or step <= 0:
        return ["" for _ in values]
    decimals, largest = max(0, -math.floor(math.log10(step) + 1e-9)), max(values)
    if 1e-4 <= largest < 1e5:
        return [f"{v:,.{decimals}f}" for v in values]
    digits = max(1, math.floor(math.log10(largest)) + 1 - math.floor(math.log10(step) + 1e-9))
    return [f"{v:.{digits}g}".replace("e-0", "e−") for v in values]


class PlotArea(pg.PlotWidget):  # type: ignore[misc]
    """Axes and what is drawn between them.

    Dragging and the wheel move what is seen; then a button in the corner, or a double-click,
    brings all of it back. In a panel that scrolls the wheel scrolls on, and zooms with Ctrl.

    Attributes:
        fit_button: only there while the view was moved.

    Signals:
        pointed: the pointer is at (x, y), in the units of the axes.
        left: the pointer went away.
        styled: the theme changed; items take on their colours now.
    """

    pointed = Signal(float, float)
    left = Signal()
    styled = Signal()

    def __init__(self, name: str) -> None:
        super().__init__(axisItems={s: Axis(s) for s in SIDES}, enableMenu=False)
        self.hideButtons()
        self.setAccessibleName(name)
        self.setFrameShape(self.Shape.NoFrame)
        self.getPlotItem().layout.setContentsMargins(0, TICK_POINTS, TICK_POINTS, 0)  # half a tick
        self.readout = Readout(self)
        self._empty = QLabel(self)
        self._empty.setObjectName("muted")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._empty.hide()
        self._home: QRectF | None = None
        self._make_fit_button()
        for side in SIDES:
            axis = self.getAxis(side)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(tickFont=fonts.figure_font(TICK_POINTS), tickLength=0, tickTextOffset=5)
        self.scene().sigMouseMoved.connect(self._on_moved)
        palette.notifier.changed.connect(self.restyle)
        self.restyle()

    def _make_fit_button(self) -> None:
        self.fit_button = QToolButton(self)
        self.fit_button.setObjectName("floating")
        self.fit_button.setToolTip(self.tr("Show all of it (double-click)"))
        self.fit_button.setAccessibleName(self.tr("Show all of it"))
        self.fit_button.setCursor(Qt.CursorShape.ArrowCursor)
        self.fit_button.clicked.connect(self.fit)
        self.fit_button.hide()
        moved = self.getPlotItem().vb.sigRangeChangedManually
        moved.connect(lambda _axes: self.fit_button.show())

    @property
    def moved(self) -> bool:
        """Whether one looks at another part than is shown by itself."""
        return not self.fit_button.isHidden()

    def plot(self, *args: Any, **options: Any) -> items.Line:
        """Add a line; the arguments are those of its ``setData``."""
        line = items.Line(*args, **options)
        self.addItem(line)
        return line

    def show_area(self, area: QRectF) -> None:
        """Let this be seen, and come back with ``fit``; a view that was moved stays as it is."""
        if area != self._home:  # setting a range again would redraw the axes
            self._home = area
            self.fit()

    def fit(self) -> None:
        """Show everything again."""
        self.fit_button.hide()
        if self._home is None:
            self.getPlotItem().vb.enableAutoRange()
        else:
            self.setRange(self._home, padding=0.0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom, unless it is the panel that is scrolled and the plot only came by."""
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier and self._scrolls():
            event.ignore()
            return
        super().wheelEvent(event)

    def _scrolls(self) -> bool:
        """Whether the plot is on something that is scrolled up and down."""
        above = self.parentWidget()
        while above is not None:
            if isinstance(above, QScrollArea) and above.verticalScrollBar().maximum() > 0:
                return True
            above = above.parentWidget()
        return False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        if self.moved:
            self.fit()

    def show_empty(self, sentence: str) -> None:
        """Say why there is nothing to see; an empty sentence takes it away."""
        if sentence == self.empty_text:
            return
        self._empty.setText(sentence)
        self._empty.setVisible(bool(sentence))
        if sentence and self.moved:
            self.fit()
        for side in SIDES:
            self.getAxis(side).setStyle(showValues=not sentence)
        self._show_names()
        self._place_empty()

    @property
    def empty_text(self) -> str:
        """Why there is nothing to see, or empty."""
        return self._empty.text()

    def label_axes(self, x: str, y: str) -> None:
        """Name the axes, small and dim."""
        color = palette.current().muted
        for side, text in zip(("bottom", "left"), (x, y), strict=True):
            if text != self.getAxis(side).labelText:
                self.setLabel(side, text, color=color, size=f"{LABEL_POINTS}pt")
        self._show_names()

    def _show_names(self) -> None:
        """An axis has its name only while there is something to see."""
        for side in SIDES:
            axis = self.getAxis(side)
            axis.showLabel(bool(axis.labelText) and not self.empty_text)

    def restyle(self) -> None:
        """Take on the theme's colours."""
        p = palette.current()
        self.setBackground(p.panel)
        self.fit_button.setIcon(icons.icon("fit_all"))
        for side in SIDES:
            axis = self.getAxis(side)
            axis.setPen(p.line)
            axis.setTextPen(p.muted)
            if axis.labelText:
                axis.setLabel(axis.labelText, color=p.muted, size=f"{LABEL_POINTS}pt")
        self._show_names()
        self.styled.emit()

    def _on_moved(self, place: QPointF) -> None:
        box = self.getPlotItem().vb
        if box.sceneBoundingRect().contains(place):
            at = box.mapSceneToView(place)
            self.pointed.emit(at.x(), at.y())
        else:
            self._leave()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._leave()

    def _leave(self) -> None:
        self.readout.hide()
        self.left.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_empty"):  # the base class resizes before there is one
            self._place_empty()
            self.fit_button.adjustSize()
            self.fit_button.move(self.width() - self.fit_button.width() - 12, 12)

    def _place_empty(self) -> None:
        self._empty.setGeometry(self.rect().adjusted(24, 8, -24, -8))

    def to_pixels(self, x: float, y: float) -> QPoint:
        """Where a point of the plot is on this widget."""
        place: QPoint = self.mapFromScene(self.getPlotItem().vb.mapViewToScene(QPointF(x, y)))
        return place


class Room(pg.GraphicsObject):  # type: ignore[misc]
    """Nothing to see: keeps an axis longer than the curves are, so that it seldom has to change."""

    SHARE = 0.2
    """Of the length of the curves."""

    def __init__(self) -> None:
        super().__init__()
        self.end = 0.0

    def hold(self, last: float) -> None:
        """Have room for curves that go up to ``last``."""
        if last > self.end or not last:
            self.end = last * (1 + self.SHARE)
            self.informViewBoundsChanged()

    def dataBounds(
        self, axis: int, frac: float = 1.0, orthoRange: object = None
    ) -> tuple[float | None, float | None]:
        return (self.end, self.end) if axis == 0 and self.end else (None, None)

    def boundingRect(self) -> QRectF:
        return QRectF()

    @painting.guarded
    def paint(self, *_: object) -> None: ...


class Readout(QLabel):
    """A few words beside the pointer, kept inside the parent."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = parent
        self.setObjectName("readout")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFont(fonts.figure_font(fonts.SMALL_POINTS))
        self.hide()

    def show_at(self, at: QPoint, text: str) -> None:
        """Show the words to the right of a place, or to its left where there is no room."""
        self.setText(text)
        self.adjustSize()
        area = self._around.rect()
        x, y = at.x() + 14, at.y() - self.height() - 6
        if x + self.width() > area.right() - 4:
            x = at.x() - self.width() - 14
        y = at.y() + 14 if y < 4 else y
        self.move(max(4, x), max(4, min(y, area.bottom() - self.height() - 4)))
        self.show()
        self.raise_()
