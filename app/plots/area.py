"""What every plot with axes shares: theme, quiet axes, the reading at the pointer, empty state."""

from __future__ import annotations

import html
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QLabel, QToolButton, QWidget

from app.plots import items
from app.style import fonts, icons, painting, palette

TICK_POINTS = LABEL_POINTS = 8.0
TICK_GAP = 8.0
"""Pixels between two labels of the axis below, at least."""
SIDES = ("left", "bottom")


class Axis(pg.AxisItem):  # type: ignore[misc]
    """Tick labels with thousands apart; on a logarithmic axis only those that have room.

    A name that is longer than the axis ends in dots.
    """

    labelText: str  # noqa: N815

    def __init__(self, side: str) -> None:
        super().__init__(side)
        # Its grid lies behind the curves: without this it is painted with each of their points.
        self.setCacheMode(self.CacheMode.DeviceCoordinateCache)

    def labelString(self) -> str:
        text, room = self.labelText, self.size()
        length = room.height() if self.orientation == "left" else room.width()
        metrics = QFontMetricsF(fonts.text_font(LABEL_POINTS))
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, length)
        self.labelText = html.escape(shown)  # it becomes markup
        try:
            return str(super().labelString())
        finally:
            self.labelText = text

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
            kept = {1} if decades > 3 else {1, 2, 5}
            return [_power(v) if round(10 ** (v % 1)) in kept else "" for v in values]
        if spacing * scale >= 1:
            return [f"{v * scale:,.0f}" for v in values]
        texts: list[str] = super().tickStrings(values, scale, spacing)
        return [t.replace("-", "−") for t in texts]

    def generateDrawSpecs(self, p: QPainter) -> tuple[Any, list[Any], list[Any]] | None:
        """As the base class; labels below that would run into one before them are left out."""
        found: tuple[Any, list[Any], list[Any]] | None = super().generateDrawSpecs(p)
        if found is None or self.orientation != "bottom":
            return found
        kept: list[Any] = []
        for label in found[2]:  # those of the widest spacing come first
            box = label[0].adjusted(-TICK_GAP, 0, TICK_GAP, 0)
            if not any(box.intersects(other[0]) for other in kept):
                kept.append(label)
        return *found[:2], kept


def _power(exponent: float) -> str:
    value = 10**exponent
    return f"{value:,.0f}" if 1 <= value < 1e5 else f"{value:.0g}".replace("e-0", "e−")


class PlotArea(pg.PlotWidget):  # type: ignore[misc]
    """Axes and what is drawn between them.

    Dragging and the wheel move what is seen; then a button in the corner, or a double-click,
    brings all of it back.

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
        super().__init__(axisItems={s: Axis(s) for s in SIDES})
        self.setMenuEnabled(False)
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
