"""The docks around the canvas, and the named layouts that show some of them.

Each layout remembers how it was left. A panel's widget is made when its dock is first seen.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QStackedWidget,
    QTabBar,
    QWidget,
)

from app.panels import LAYOUTS, PANELS
from app.panels.panel import Panel
from app.panels.row import Row
from app.shell.dock_tabs import DockTabs
from app.style import icons
from app.widgets.scroller import Scroller
from app.widgets.section import text_label

AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
SIDES = {"left": 264, "right": 304}
"""Widths of what is beside the canvas, at first."""
STATE_VERSION = 1
LARGE = ("Train", "Present")
"""Layouts whose panels are as large as the canvas."""
LOW = 560
"""Height of a window that has no room below the canvas for them, as on a projector with large
letters."""
BESIDE, BESIDE_LOW, MOST_SIDE = 0.42, 0.47, 0.23
"""Shares of the width: of large panels beside the canvas, also in a low window, and the most of a
small one."""
_SHARES = {"run": 3, "space": 2}
"""How groups of panels beside each other divide the width."""
FIRST_LAYOUT = "Train"
"""What a first launch shows: one click on Play and everything moves."""


class PanelDock(QDockWidget):
    """A dock that makes its panel once it has been seen.

    Signals:
        made: the panel's widget.
    """

    made = Signal(QWidget)

    def __init__(self, panel: Row, document: Any, engine: Any, parent: QWidget) -> None:
        super().__init__(QCoreApplication.translate("Panels", panel.title), parent)
        self.panel = panel
        self._arguments = (document, engine)
        self._made: Panel | None = None
        self.seen = False
        self.visibilityChanged.connect(self._on_visibility)
        self.setObjectName(panel.id)
        self.setWindowIcon(icons.icon(panel.icon))
        self._pages = QStackedWidget()
        self._empty = QWidget()
        self._pages.addWidget(self._empty)
        self.setWidget(self._pages)

    def _on_visibility(self, seen: bool) -> None:
        self.seen = seen
        if seen and self._made is None:
            QTimer.singleShot(0, self, self._fill_seen)  # the window is painted before
        self._tell()

    def _fill_seen(self) -> None:
        """Make the panel, unless another tab has come to the front since."""
        if self.seen:
            self.fill()

    def _tell(self) -> None:
        """Tell the panel whether it is looked at: behind another tab it is shown, but not seen."""
        if self._made is not None:
            self._made.set_seen(self.seen)

    @property
    def concealed(self) -> bool:
        """Whether the panel is covered."""
        return self._pages.currentIndex() == 1

    def conceal(self, on: bool) -> None:
        """Cover what the net computes, since it would answer a question that is open."""
        if self.panel.computed and on != self.concealed:
            if self._pages.count() == 1:
                self._pages.addWidget(self._make_cover())
            self._pages.setCurrentIndex(int(on))

    def _make_cover(self) -> QWidget:
        cover = text_label(dim=True)
        cover.setText(self.tr("Lock your prediction first: what is shown here would answer it."))
        cover.setContentsMargins(12, 8, 12, 8)
        cover.setAlignment(Qt.AlignmentFlag.AlignTop)
        return cover

    def bring_forward(self, shown: bool) -> None:
        """A panel that is switched on is the one in front of its tabs."""
        if shown:
            self.raise_()

    def take_focus(self) -> None:
        """Let the panel have the keys: its ``first_field``, if it names one."""
        widget = self.fill()
        getattr(widget, "first_field", widget).setFocus(Qt.FocusReason.TabFocusReason)

    def fill(self) -> Panel:
        """The panel's widget, made now if it was not."""
        if self._made is None:
            self._made = self.panel.make(*self._arguments)
            self._made.setAutoFillBackground(True)
            scroller = Scroller(self._made)
            scroller.room_changed.connect(self._made.set_room)
            concealed = self.concealed
            self._pages.insertWidget(0, scroller)
            self._pages.removeWidget(self._empty)
            self._pages.setCurrentIndex(int(concealed))  # Qt would go on to the cover
            self.made.emit(self._made)
            self._tell()
        return self._made


class Layouts(QObject):
    """Docks and layouts of one main window.

    Signals:
        changed: name of the layout that is shown now.
    """

    changed = Signal(str)

    def __init__(self, window: QMainWindow, document: Any, engine: Any, store: QSettings) -> None:
        super().__init__(window)
        self._window, self._store = window, store
        self.current, self._low = "", False
        self.docks = {p.id: PanelDock(p, document, engine, window) for p in PANELS}
        self._tabs = DockTabs(window)
        window.installEventFilter(self)
        self._shares: dict[PanelDock, float] = {}
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(0)
        self._late.timeout.connect(self._show_titles)
        self._turned_to = ""
        self._tabs.clicked.connect(self._on_tab)
        for dock in self.docks.values():
            window.addDockWidget(AREAS[dock.panel.area], dock)
            dock.hide()
            for signal in (dock.visibilityChanged, dock.topLevelChanged, dock.dockLocationChanged):
                signal.connect(self._late.start)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A window of another height leaves the canvas its share; Qt would let it pay for all."""
        if isinstance(event, QResizeEvent) and watched is self._window and self.current:
            before = event.oldSize().height()
            if before > 0 and before != event.size().height():
                self._keep_shares(before)
        return False

    def _keep_shares(self, before: int) -> None:
        """Let what is below the canvas have the share that it has of a height of before."""
        docks = [
            d for d in self.docks.values()
            if d.seen and not d.isFloating()
            and self._window.dockWidgetArea(d) == AREAS["bottom"]
        ]  # fmt: skip
        heights = [round(self._share(d, before) * self._window.height()) for d in docks]
        self._window.resizeDocks(docks, heights, Qt.Orientation.Vertical)

    def _share(self, dock: PanelDock, of: int) -> float:
        """Return the dock's share of a height; kept unless the user moved it: roundings add up."""
        height = self._height(dock)
        if abs(height - self._shares.get(dock, 0.0) * of) > 2:
            self._shares[dock] = height / of
        return self._shares[dock]

    def _height(self, dock: PanelDock) -> int:
        """Of a dock with its tabs: what ``resizeDocks`` counts."""
        direct = Qt.FindChildOption.FindDirectChildrenOnly
        bars = [
            bar.height() for bar in self._window.findChildren(QTabBar, options=direct)
            if bar.isVisible()
            and dock.windowTitle() in [bar.tabText(i) for i in range(bar.count())]
        ]  # fmt: skip
        return dock.height() + max(bars, default=0)

    def show(self, layout: str) -> None:
        """Change to a layout, as it was left."""
        self.remember()
        self._arrange(layout)
        key = self._key(layout)
        state = self._store.value(key)
        if state is not None:
            self._window.restoreState(state, STATE_VERSION)
            before = int(str(self._store.value(f"{key}/height", 0)))
            if before and before != self._window.height():
                QTimer.singleShot(0, self, partial(self._keep_shares, before))
        self._store.setValue("layouts/current", layout)
        self.current = layout
        for dock in self.docks.values():
            if dock.panel.collects:
                QTimer.singleShot(0, dock, dock.fill)
        self.changed.emit(layout)

    def settle(self) -> None:
        """Give every part its place now, and after what panels still ask for when they are made."""
        self._lay_out_again()
        QTimer.singleShot(0, self, self._lay_out_again)

    def _lay_out_again(self) -> None:
        for part in (self._window, self._window.centralWidget()):
            if part is not None and (layout := part.layout()) is not None:
                layout.invalidate()
                layout.activate()

    def hide(self) -> None:
        """Hide every dock until ``show``; for a page that needs the whole window."""
        self.remember()
        self.current = ""
        for dock in self.docks.values():
            dock.hide()

    def reset(self) -> None:
        """Put the panels of the current layout where they started."""
        self._store.remove(self._key(self.current))  # and what is under that name
        self._arrange(self.current)

    @property
    def last(self) -> str:
        """The layout that is shown, or was shown last."""
        last = str(self._store.value("layouts/current", FIRST_LAYOUT))
        return last if last in LAYOUTS else FIRST_LAYOUT

    def restore(self) -> None:
        """Show the layout that was shown last."""
        self.show(self.last)

    def reveal(self, name: str) -> PanelDock:
        """Bring a panel to the front; one that opens a side of the window opens it modestly."""
        dock = self.docks[name]
        area = self._window.dockWidgetArea(dock)
        alone = not any(
            d.isVisible() and d is not dock and self._window.dockWidgetArea(d) == area
            for d in self.docks.values()
        )
        opened = dock.isHidden()
        dock.show()
        dock.raise_()
        if opened and alone and area == AREAS["bottom"]:
            height = min(180, self._window.height() // 4)
            self._window.resizeDocks([dock], [height], Qt.Orientation.Vertical)
        elif opened and alone:
            width = SIDES[dock.panel.area]
            self._window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
        return dock

    def focused(self) -> str:
        """Return the id of the panel that has the keys or was just brought to the front, or ""."""
        focus = QApplication.focusWidget()
        inside = (name for name, d in self.docks.items() if focus and d.isAncestorOf(focus))
        return next(inside, self._turned_to)

    def turn_away(self) -> None:
        """Something outside the panels has been chosen since."""
        self._turned_to = ""

    def _on_tab(self, title: str) -> None:
        """Remember the panel of a clicked tab for help; the canvas keeps the keys."""
        named = (name for name, dock in self.docks.items() if dock.windowTitle() == title)
        self._turned_to = next(named, "")

    def refresh_icons(self) -> None:
        """Draw the tabs' icons again after the theme changed."""
        for dock in self.docks.values():
            dock.setWindowIcon(icons.icon(dock.panel.icon))
        titled = {dock.windowTitle(): dock for dock in self.docks.values()}
        for bar in self._window.findChildren(QTabBar):
            for i in range(bar.count()):
                if bar.tabText(i) in titled:  # Qt takes the icon when it makes the tab
                    bar.setTabIcon(i, titled[bar.tabText(i)].windowIcon())

    def remember(self) -> None:
        """Keep how the current layout looks."""
        if self.current:
            state, key = self._window.saveState(STATE_VERSION), self._key(self.current)
            self._store.setValue(key, state)
            self._store.setValue(f"{key}/height", self._window.height())

    def _key(self, layout: str) -> str:
        """Where a layout is kept: a low window, as on a projector, has its own."""
        return f"layouts/{layout}" + ("/low" if self._low else "")

    def _arrange(self, layout: str) -> None:
        """Every panel where its row says, those of one group as tabs."""
        self._low = self._window.height() < LOW
        front: dict[tuple[str, str], PanelDock] = {}
        for dock in self.docks.values():
            self._window.removeDockWidget(dock)  # else Qt keeps the tabs of the former places
        for dock in self.docks.values():
            place = self._place(dock.panel, layout)
            dock.setFloating(False)
            first = front.setdefault(place, dock)
            if first is dock:
                self._window.addDockWidget(AREAS[place[0]], dock)
            else:
                self._window.tabifyDockWidget(first, dock)
            dock.setVisible(layout in dock.panel.layouts)
        shown = [d for d in self.docks.values() if layout in d.panel.layouts]
        for dock in reversed(shown):
            dock.raise_()
        self._resize(layout, shown)

    def _place(self, panel: Row, layout: str) -> tuple[str, str]:
        """Area and group of a panel: beside the canvas where a room is to see both."""
        if self._low and layout != "Build" and panel.layouts:
            return "right", "beside"
        if panel.area == "bottom" and layout == "Present":
            return "right", panel.group or panel.id
        return panel.area, panel.group or panel.id

    def _show_titles(self) -> None:
        """A tab says a panel's name already: only a dock that is no tab has a title bar."""
        for dock in self.docks.values():
            tabs = [
                d
                for d in self._window.tabifiedDockWidgets(dock)
                if d.toggleViewAction().isChecked()
            ]
            tabbed = bool(tabs) and not dock.isFloating()
            if tabbed != (dock.titleBarWidget() is not None):
                dock.setTitleBarWidget(QWidget() if tabbed else None)  # type: ignore[arg-type]
        self._tabs.refresh()

    def _resize(self, layout: str, shown: list[PanelDock]) -> None:
        size = self._window.size()
        areas = {d: self._place(d.panel, layout)[0] for d in shown}
        for area, width in SIDES.items():
            docks = [d for d in shown if areas[d] == area]
            beside = any(d.panel.area != area for d in docks)
            large = BESIDE_LOW if self._low else BESIDE
            share = round(size.width() * (large if beside else MOST_SIDE))
            widths = [share if beside else min(share, width)] * len(docks)
            self._window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)
        below = [d for d in shown if areas[d] == "bottom"]
        height = round(size.height() * (0.46 if layout in LARGE else 0.3))
        self._window.resizeDocks(below, [height] * len(below), Qt.Orientation.Vertical)
        shares = [_SHARES.get(d.panel.group, 1) * size.width() for d in below]
        self._window.resizeDocks(below, shares, Qt.Orientation.Horizontal)
