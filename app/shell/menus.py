"""The menu bar, made from the table of actions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QTabBar

from app.files.file_menu import SUFFIX, Files
from app.panels import LAYOUTS
from app.shell.actions import ActionTable
from app.shell.docks import Layouts
from app.widgets.actions import MENUS, VIEW, translated


class Menus(QObject):
    """The menus of a window; recent files, panels and layouts have menus of their own."""

    def __init__(
        self, window: QMainWindow, table: ActionTable, files: Files, layouts: Layouts
    ) -> None:
        super().__init__(window)
        self._window, self._files = window, files
        self.menus: dict[str, QMenu] = {}
        for name in MENUS:
            self.menus[name] = window.menuBar().addMenu(translated(name))
            self.menus[name].setToolTipsVisible(True)
        self.recent = QMenu(self.tr("Open &Recent"), window)
        for row in table.rows:
            if row.menu:
                menu = self._menu(row.menu)
                if row.separated:
                    menu.addSeparator()
                menu.addAction(table.actions[row.id])
                if row.id == "open":
                    menu.addMenu(self.recent)
        self.layout_actions = self._add_layouts(layouts)
        self._add_panels(layouts)
        files.recent_changed.connect(self.refresh_recent)
        self.refresh_recent()

    def _menu(self, path: tuple[str, ...]) -> QMenu:
        """The menu at the end of a path; what is missing on the way is made."""
        for i in range(1, len(path) + 1):
            key = "/".join(path[:i])
            if key not in self.menus:
                above = self.menus["/".join(path[: i - 1])]
                self.menus[key] = above.addMenu(translated(path[i - 1]))
        return self.menus["/".join(path)]

    def _add_layouts(self, layouts: Layouts) -> dict[str, QAction]:
        menu = self.menus[VIEW].addMenu(self.tr("La&yout"))
        group = QActionGroup(self)
        made: dict[str, QAction] = {}
        for i, name in enumerate(LAYOUTS):
            action = QAction(QCoreApplication.translate("Layouts", name), self._window)
            action.setCheckable(True)
            action.setShortcut(QKeySequence(f"Ctrl+{i + 1}"))
            action.triggered.connect(_call(layouts.show, name))
            group.addAction(action)
            menu.addAction(action)
            made[name] = action
        layouts.changed.connect(lambda name: made[name].setChecked(True))
        self._add_switch(layouts, made)
        return made

    def _add_switch(self, layouts: Layouts, made: dict[str, QAction]) -> None:
        """The layouts as tabs in the corner of the menu bar."""
        self.switch = QTabBar()
        self.switch.setDrawBase(False)
        self.switch.setAccessibleName(self.tr("Layout"))
        for i, name in enumerate(LAYOUTS):
            self.switch.addTab(made[name].text())
            keys = made[name].shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            self.switch.setTabToolTip(i, f"{made[name].text()} ({keys})")
        self.switch.tabBarClicked.connect(self._switch_to)
        self.switch.currentChanged.connect(self._switch_by_keys)
        self._layouts = layouts
        layouts.changed.connect(lambda name: self.switch.setCurrentIndex(LAYOUTS.index(name)))
        self._window.menuBar().setCornerWidget(self.switch)

    def _switch_to(self, tab: int) -> None:
        if tab >= 0:
            self._layouts.show(LAYOUTS[tab])

    def _switch_by_keys(self, tab: int) -> None:
        """Arrow keys change the tab without a click."""
        if self.switch.hasFocus() and self._layouts.current != LAYOUTS[tab]:
            self._layouts.show(LAYOUTS[tab])

    def _add_panels(self, layouts: Layouts) -> None:
        menu = self.menus[VIEW].addMenu(self.tr("&Panels"))
        for dock in layouts.docks.values():
            action = dock.toggleViewAction()
            action.triggered.connect(dock.bring_forward)
            menu.addAction(action)

    def refresh_recent(self) -> None:
        """List the files that were open."""
        self.recent.clear()
        for i, path in enumerate(self._files.recent):
            mark = f"&{i + 1}  " if i < 9 else "    "
            name = Path(path).name.removesuffix(SUFFIX)
            action = self.recent.addAction(f"{mark}{name}")
            action.setToolTip(path)
            action.triggered.connect(_call(self._files.open, path))
        self.recent.setToolTipsVisible(True)
        self.recent.addSeparator()
        clear = self.recent.addAction(self.tr("Clear the List"))
        clear.triggered.connect(self._files.clear_recent)
        self.recent.setEnabled(bool(self._files.recent))


def _call(function: Callable[[str], object], argument: str) -> Callable[[], None]:
    """A slot that ignores the checked state."""

    def slot() -> None:
        function(argument)

    return slot
