"""What a user can do, as rows; menus, keys, command palette, help and shortcuts read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QPointF, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.style import icons

On = TypeVar("On")


def always(_on: object) -> bool:
    """Return True: the action can be done at any time."""
    return True


def nothing(_on: object) -> None:
    """Do nothing: the action has a switch instead."""


@dataclass(frozen=True)
class Action(Generic[On]):
    """One row of a table of actions, which all act on the same thing.

    Attributes:
        id: under which a changed shortcut is kept.
        shortcut: in Qt's portable form, or empty.
        icon: name of the picture; empty for one that is shown in lists alone.
        menu: the menus of the window that lead to it, outermost first; empty for none.
        run: does it.
        enabled: whether it can be done now.
        switch: of an action that is on or off, what its new state does, in place of ``run``.
        at: what it does at a point of the canvas when chosen from the menu there, if not ``run``.
        separated: whether a line stands above it in the menu.
        canvas: its keys mean something else while one types, so they work on the canvas alone.
    """

    id: str
    text: str
    shortcut: str
    icon: str
    tip: str
    menu: tuple[str, ...] = ()
    run: Callable[[On], object] = nothing
    enabled: Callable[[On], bool] = always
    switch: Callable[[On, bool], object] | None = None
    at: Callable[[On, QPointF], object] | None = None
    separated: bool = False
    canvas: bool = False


def _(text: str) -> str:
    return str(QT_TRANSLATE_NOOP("Actions", text))


FILE, EDIT, VIEW = _("&File"), _("&Edit"), _("&View")
IMPORT, EXPORT = _("&Import"), _("&Export")
LESSONS = _("&Lessons")
GRAPH, RUN, HELP = _("&Graph"), _("&Run"), _("&Help")
GROW = _("&Grow Without Forgetting")
MENUS = (FILE, EDIT, VIEW, GRAPH, RUN, HELP)


def translated(text: str) -> str:
    """Return a text of a table in the user's language."""
    return QCoreApplication.translate("Actions", text)


def plain(text: str) -> str:
    """Return a text of a table without its mnemonic and dots."""
    return translated(text).replace("&", "").rstrip("…")


def full_name(row: Action[On]) -> str:
    """Return what an action is called where its menu is not seen."""
    own = plain(row.text)
    return f"{plain(row.menu[-1])}: {own}" if len(row.menu) > 1 else own


def make(row: Action[On], on: On, owner: QWidget) -> QAction:
    """Return a row as a QAction of a widget. It runs only while it can be done."""
    action = QAction(translated(row.text), owner)
    action.setObjectName(row.id)
    action.setIconVisibleInMenu(bool(row.icon) and row.switch is None)  # there the tick is
    show_icon(row, action)
    if row.canvas:
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
    set_shortcut(row, action, row.shortcut)
    if (switch := row.switch) is not None:
        action.setCheckable(True)
        action.toggled.connect(lambda state: switch(on, state))
    else:
        action.triggered.connect(lambda: row.run(on) if row.enabled(on) else None)
    owner.addAction(action)
    return action


def show_icon(row: Action[On], action: QAction) -> None:
    """Draw the icon in the colours of the theme."""
    action.setIcon(icons.icon(row.icon or "graph"))


def set_shortcut(row: Action[On], action: QAction, shortcut: str) -> None:
    """Give an action keys, and name them in its tooltip."""
    action.setShortcut(QKeySequence.fromString(shortcut))
    keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    tip = translated(row.tip)
    action.setToolTip(f"{plain(row.text)} ({keys})\n{tip}" if keys else tip)
    action.setStatusTip(tip)


def refresh(rows: Iterable[Action[On]], on: On, actions: Mapping[str, QAction]) -> None:
    """Enable what can be done now; each condition is asked once."""
    known: dict[Callable[[On], bool], bool] = {}
    for row in rows:
        if row.enabled is not always:
            if row.enabled not in known:
                known[row.enabled] = row.enabled(on)
            actions[row.id].setEnabled(known[row.enabled])
