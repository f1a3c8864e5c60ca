"""What the command palette offers: actions, layouts, panels, operators and presets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QKeySequence

from app.shell.command_palette import Command
from app.style import icons
from app.widgets.actions import full_name, translated
from graphcore import ops, presets


def commands(window: Any) -> list[Command]:
    """Everything that can be done now."""
    return [*_actions(window), *_views(window), *_operators(window), *_presets(window)]


def _tr(text: str) -> str:
    return QCoreApplication.translate("PaletteCommands", text)


def _keys(action: QAction) -> str:
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def _call(function: Callable[[str], object], argument: str) -> Callable[[], object]:
    return lambda: function(argument)


def _focus(window: Any, panel: str) -> Callable[[], object]:
    return lambda: window.show_panel(panel).take_focus()


def _actions(window: Any) -> list[Command]:
    found = []
    for row in window.actions_table.rows:
        action = window.actions_table.actions[row.id]
        if action.isEnabled() and row.id != "palette":
            tip, keys = translated(row.tip), _keys(action)
            found.append(Command(full_name(row), tip, action.trigger, action.icon(), keys))
    return found


def _views(window: Any) -> list[Command]:
    found = []
    for name, action in window.menus.layout_actions.items():
        title, tip = _tr("Layout: {0}").format(name), _tr("Arrange the panels for this.")
        icon = icons.icon("layout")
        found.append(Command(title, tip, _call(window.layouts.show, name), icon, _keys(action)))
    for name, dock in window.layouts.docks.items():
        title, tip = _tr("Panel: {0}").format(dock.windowTitle()), _tr("Bring it to the front.")
        words = dock.panel.words
        found.append(Command(title, tip, _focus(window, name), dock.windowIcon(), aliases=words))
    return found


def _operators(window: Any) -> list[Command]:
    found = []
    for op in ops.all_operators():
        if op.name not in ("Composite", "Placeholder"):
            title, add = (
                _tr("Add {0}").format(op.name),
                _call(window.canvas.editor.add_operator, op.name),
            )
            icon = icons.category_icon(op.category)
            found.append(Command(title, op.summary(), add, icon, aliases=(op.name, *op.aliases)))
    return found


def _presets(window: Any) -> list[Command]:
    return [
        Command(
            _tr("Graph: {0}").format(presets.title(name)), presets.description(name),
            _call(window.files.open_preset, name), icons.icon("graph"), aliases=(name,),
        )
        for name in presets.names()
    ]  # fmt: skip
