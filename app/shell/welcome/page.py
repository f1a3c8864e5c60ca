"""The welcome page: graphs that ship, each with its picture, and the files that were open."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPalette, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTabBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.shell.welcome.courses import CourseList
from app.shell.welcome.thumbnail import paint_graph
from app.style import icons, painting, palette
from app.widgets.layouts import in_column
from app.widgets.section import heading, text_label
from app.widgets.two_lines import SUMMARY, TwoLines, with_alpha
from graphcore import presets
from graphcore.errors import GradscapeError
from graphcore.graph.graph import Graph

_NAME = int(Qt.ItemDataRole.UserRole) + 1
_CARD = QSize(236, 212)
_PICTURE = 92
_SMALL = QSize(1000, 560)
"""A page that is not as large as this, as on a projector with large letters, is set tighter."""


@lru_cache(maxsize=64)
def _graph(name: str) -> Graph:
    """A preset for its picture; one that cannot be read has an empty picture."""
    try:
        return presets.load(name)
    except GradscapeError:
        return Graph()


class WelcomePage(QWidget):
    """Cards of presets beside the recent files; a click or Enter opens one.

    Signals:
        preset_chosen: name of a preset.
        file_chosen: path of a file.
        open_wanted, new_wanted: the two buttons.
        closed: back to the canvas.
    """

    preset_chosen = Signal(str)
    file_chosen = Signal(str)
    open_wanted = Signal()
    new_wanted = Signal()
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAutoFillBackground(True)
        ignored = QSizePolicy.Policy.Ignored  # else the canvas could not be lower than this page
        self.setSizePolicy(ignored, ignored)
        self.buttons: dict[str, QPushButton] = {}
        self.cards = self._make_cards()
        self.recent = self._make_recent()
        self._row = row = QHBoxLayout(self)
        self._beside = QWidget()
        self._beside.setLayout(self._left())
        row.addWidget(self._beside)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.courses: CourseList | None = None
        gallery = QWidget()
        self.groups = self._make_groups()
        in_column(self.groups, (self.cards, 1), on=gallery, margins=(0, 8, 0, 0))
        self.tabs.addTab(gallery, self.tr("Start from a graph"))
        row.addLayout(in_column(self.tabs, spacing=10), 1)
        palette.notifier.changed.connect(self._refresh_icons)
        self._refresh_icons()

    def follow(self, lessons: Any) -> None:
        """Offer the courses, with how far one is; ``lessons`` opens one."""
        self.courses = CourseList(lessons.steps_done, lessons.translated)
        self.courses.chosen.connect(lessons.open)
        self.tabs.addTab(self.courses, self.tr("Courses"))

    def show_course(self, found: Any, title: str) -> None:
        """Show the courses of a file before those that ship."""
        if self.courses is not None:
            self.courses.show_course(found, title)
            self.tabs.setCurrentWidget(self.courses)
            self.courses.setFocus()

    def show_progress(self) -> None:
        """Show how far one is in the courses."""
        if self.courses is not None:
            self.courses.show_progress()

    def _refresh_icons(self) -> None:
        for icon, button in self.buttons.items():
            button.setIcon(icons.icon(icon))

    def _left(self) -> QVBoxLayout:
        title = QLabel("Gradscape")
        font = QFont(title.font())
        font.setPointSizeF(font.pointSizeF() * 2.2)
        font.setWeight(QFont.Weight.DemiBold)
        title.setFont(font)
        column = in_column(
            title,
            text_label(self.tr("See a network think, see it learn."), dim=True),
            margins=0,
            spacing=10,
        )
        column.addSpacing(10)
        for text, icon, signal in (
            (self.tr("New graph"), "new", self.new_wanted),
            (self.tr("Open…"), "open", self.open_wanted),
            (self.tr("Back to the canvas"), "graph", self.closed),
        ):
            button = QPushButton(text)
            button.clicked.connect(signal)
            column.addWidget(button)
            self.buttons[icon] = button
        column.addSpacing(14)
        column.addWidget(heading(self.tr("Recent files")))
        self.none_yet = text_label(self.tr("Graphs you save or open are listed here."), dim=True)
        column.addWidget(self.none_yet)
        column.addWidget(self.recent, 1)
        column.addStretch()
        return column

    def _make_cards(self) -> QListWidget:
        cards = _Cards()
        cards.setAccessibleName(self.tr("Graphs that ship"))
        cards.setViewMode(QListView.ViewMode.IconMode)
        cards.setResizeMode(QListView.ResizeMode.Adjust)
        cards.setMovement(QListView.Movement.Static)
        cards.setMouseTracking(True)
        cards.setFrameShape(QListWidget.Shape.NoFrame)
        _see_through(cards)
        cards.setItemDelegate(_Card(cards))
        cards.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        for name in presets.names():
            item = QListWidgetItem(presets.title(name))
            item.setData(_NAME, name)
            item.setData(SUMMARY, presets.description(name))
            item.setToolTip(presets.description(name))
            cards.addItem(item)
        cards.itemClicked.connect(lambda item: self.preset_chosen.emit(item.data(_NAME)))
        cards.itemActivated.connect(lambda item: self.preset_chosen.emit(item.data(_NAME)))
        return cards

    def _make_groups(self) -> QTabBar:
        """A tab for each group of graphs, which shows those alone."""
        titles = {
            "": self.tr("All"), "start": self.tr("Start here"), "hand": self.tr("By hand"),
            "regression": self.tr("Regression"), "plane": self.tr("Points in a plane"),
            "digits": self.tr("Digits"), "sequences": self.tr("Sequences"),
            "generative": self.tr("Generative"), "wrong": self.tr("What goes wrong"),
            "famous": self.tr("Famous nets"),
        }  # fmt: skip
        bar = QTabBar()
        bar.setAccessibleName(self.tr("Groups of graphs"))
        bar.setExpanding(False)
        bar.setDrawBase(False)
        bar.setUsesScrollButtons(True)
        for place, group in enumerate(("", *presets.GROUPS)):
            bar.addTab(titles[group])
            bar.setTabData(place, group)
        bar.currentChanged.connect(lambda place: self.show_group(bar.tabData(place)))
        return bar

    def show_group(self, group: str) -> None:
        """Show the graphs of a group alone; of all for the empty one."""
        for item in map(self.cards.item, range(self.cards.count())):
            item.setHidden(bool(group) and group not in presets.groups(item.data(_NAME)))
        self.cards.scrollToTop()

    def _make_recent(self) -> QListWidget:
        recent = QListWidget()
        recent.setAccessibleName(self.tr("Recent files"))
        recent.setFrameShape(QListWidget.Shape.NoFrame)
        _see_through(recent)
        recent.setItemDelegate(TwoLines(recent))
        recent.setMouseTracking(True)
        recent.itemClicked.connect(lambda item: self.file_chosen.emit(item.data(_NAME)))
        recent.itemActivated.connect(lambda item: self.file_chosen.emit(item.data(_NAME)))
        return recent

    def show_recent(self, paths: list[str]) -> None:
        """List the files that were open."""
        self.recent.clear()
        self.none_yet.setVisible(not paths)
        self.recent.setVisible(bool(paths))
        for path in paths:
            item = QListWidgetItem(icons.icon("file"), Path(path).name.removesuffix(".graph.json"))
            item.setData(_NAME, path)
            item.setData(SUMMARY, str(Path(path).parent))
            item.setToolTip(path)
            self.recent.addItem(item)

    def resizeEvent(self, event: QResizeEvent) -> None:
        small = self.width() < _SMALL.width() or self.height() < _SMALL.height()
        self._row.setContentsMargins(*((20, 14, 12, 8) if small else (48, 36, 28, 20)))
        self._row.setSpacing(16 if small else 28)
        self._beside.setFixedWidth(190 if small else 260)
        super().resizeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.cards.setFocus()


class _Cards(QListWidget):
    """Cards in as many columns as fit, together as wide as the view."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        width = self.viewport().width() - 1
        columns = max(1, width // _CARD.width())
        self.setGridSize(QSize(width // columns, _CARD.height()))
        super().resizeEvent(event)

    def updateGeometries(self) -> None:
        super().updateGeometries()
        self.verticalScrollBar().setSingleStep(_CARD.height() // 6)  # a notch: half a row


def _see_through(view: QListWidget) -> None:
    """Let the page's own background show between the items."""
    view.viewport().setAutoFillBackground(False)


class _Card(QStyledItemDelegate):
    """Picture, title and description of a preset on a rounded card."""

    def sizeHint(self, option: QStyleOptionViewItem, index: object) -> QSize:
        view = option.widget
        return view.gridSize() if isinstance(view, QListView) else _CARD

    @painting.guarded
    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        colors, role = option.palette, QPalette.ColorRole
        with painting.saved(painter):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            card = QRectF(option.rect).adjusted(5, 5, -5, -5)
            hovered = option.state & QStyle.StateFlag.State_MouseOver
            chosen = option.state & QStyle.StateFlag.State_Selected
            edge = colors.color(role.Highlight if hovered or chosen else role.Mid)
            painter.setPen(QPen(edge, 1.5 if hovered or chosen else 1.0))
            painter.setBrush(palette.current().color("card"))
            painter.drawRoundedRect(card, 8, 8)
            picture = card.adjusted(14, 10, -14, _PICTURE + 10 - card.height())
            paint_graph(painter, _graph(index.data(_NAME)), picture, colors)
            painter.setPen(with_alpha(colors.color(role.Mid), 120))
            line = QPointF(0, picture.bottom() + 8)
            painter.drawLine(line + QPointF(card.left(), 0), line + QPointF(card.right(), 0))
            text = card.adjusted(14, _PICTURE + 26, -12, -8).toRect()
            self._paint_text(painter, option, index, text)

    def _paint_text(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
        place: QRect,
    ) -> None:
        bold = QFont(option.font)
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        top = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        right = Qt.TextElideMode.ElideRight
        title = QFontMetrics(bold).elidedText(str(index.data()), right, place.width())
        painter.drawText(place, top, title)
        small = QFont(option.font)
        small.setPointSizeF(option.font.pointSizeF() * 0.88)
        painter.setFont(small)
        painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
        below = place.adjusted(0, QFontMetrics(bold).height() + 3, 0, 0)
        painter.setClipRect(below)
        text = _fitted(str(index.data(SUMMARY)), QFontMetrics(small), below)
        painter.drawText(below, top | Qt.TextFlag.TextWordWrap, text)


def _fitted(text: str, metrics: QFontMetrics, place: QRect) -> str:
    """As many whole words as fit, with dots for the rest."""
    words, flags = text.split(" "), int(Qt.TextFlag.TextWordWrap)
    if metrics.boundingRect(place, flags, text).height() <= place.height():
        return text
    while len(words) > 1:
        words.pop()
        shorter = " ".join(words).rstrip(".,:;") + " …"
        if metrics.boundingRect(place, flags, shorter).height() <= place.height():
            return shorter
    return words[0]
