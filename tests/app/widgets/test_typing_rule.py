"""While a text is typed its keys are the text's alone: no shortcut acts, nothing else changes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QDialogButtonBox,
    QLineEdit,
    QPlainTextEdit,
)

from app.canvas.search_popup import SearchPopup
from app.settings import PREFERENCES
from app.shell.preferences import PreferencesDialog
from app.shell.shortcuts import ShortcutsDialog
from graphcore import files

PRINTABLE = "".join(chr(i) for i in range(32, 127))
KEY, CONTROL = Qt.Key, Qt.KeyboardModifier.ControlModifier
KEYS = (KEY.Key_Space, KEY.Key_Delete, KEY.Key_Backspace, KEY.Key_Left, KEY.Key_Right, KEY.Key_Up,
        KEY.Key_Down, KEY.Key_Home, KEY.Key_End)  # fmt: skip
CHORDS = (KEY.Key_A, KEY.Key_C, KEY.Key_V, KEY.Key_Z, KEY.Key_D, KEY.Key_G, KEY.Key_L, KEY.Key_N,
          KEY.Key_S, KEY.Key_E)  # fmt: skip
FUNCTIONS = (KEY.Key_F5, KEY.Key_F6, KEY.Key_F8)


@pytest.fixture
def acted(window, qtbot):
    """What shortcuts have run, while a node is selected and the pointer is out of the way."""
    QCursor.setPos(QPoint(0, 0))
    window.activateWindow()
    window.canvas.setFocus()
    qtbot.waitUntil(window.canvas.hasFocus)
    window.canvas.select(["conv1"])
    found = []
    for name, action in window.actions_table.actions.items():
        action.triggered.connect(lambda *_, n=name: found.append(n))
    return found


def text_of(field) -> str:
    return field.toPlainText() if isinstance(field, QPlainTextEdit) else field.text()


def type_all(qtbot, field) -> str:
    """Every printable character, then keys that move, remove, copy and undo."""
    qtbot.waitUntil(field.hasFocus)
    field.selectAll()
    for character in PRINTABLE:
        qtbot.keyClicks(field, character)
    typed = text_of(field)
    for key in KEYS:
        qtbot.keyClick(field, key)
    for key in CHORDS:
        qtbot.keyClick(field, key, CONTROL)
    for key in FUNCTIONS:
        if not isinstance(field, QAbstractSpinBox):
            qtbot.keyClick(field, key)
    assert field.hasFocus()
    return typed


def rest_of(window) -> tuple:
    """What is not to change: nodes with their places, edges, selection, zoom."""
    graph = window.document.graph
    nodes = [(n.name, n.operator, n.position, n.bypassed, n.pinned) for n in graph]
    return nodes, graph.edges, graph.frames, window.canvas.selected(), window.canvas.zoom


def popups():
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, SearchPopup)]
    return [w for w in found if w.isVisible()]


def test_a_note_takes_every_key(window, qtbot, acted):
    before, known = rest_of(window), set(window.document.graph.notes)
    window.canvas.annotations.add_note()
    field = window.canvas.viewport().findChild(QPlainTextEdit)
    assert type_all(qtbot, field) == PRINTABLE
    field.clear()
    qtbot.keyClicks(field, "two words")
    for key in (KEY.Key_Return, KEY.Key_Tab, KEY.Key_Enter):
        qtbot.keyClick(field, key)
    qtbot.keyClicks(field, "a line")
    assert popups() == []
    assert acted == []
    assert rest_of(window) == before
    qtbot.keyClick(field, KEY.Key_Return, CONTROL)
    (note,) = set(window.document.graph.notes) - known
    assert window.document.graph.notes[note].text == "two words\n\t\na line"
    assert rest_of(window) == before


def test_a_node_is_named_with_every_key_and_tab_ends_it(window, qtbot, acted):
    before = rest_of(window)
    window.canvas.annotations.rename_selected()
    field = window.canvas.viewport().findChild(QPlainTextEdit)
    assert type_all(qtbot, field) == PRINTABLE
    assert rest_of(window) == before
    field.selectAll()
    qtbot.keyClicks(field, "first")
    qtbot.keyClick(field, KEY.Key_Tab)
    assert "first" in window.document.graph
    assert popups() == []
    assert acted == []


def test_an_attribute_takes_every_key(window, qtbot, acted):
    window.layouts.show("Build")
    page = window.show_panel("inspector").fill().page
    before = rest_of(window)
    line = page.findChildren(QLineEdit)
    field = next(f for f in line if f.isVisible() and f.isEnabled() and not f.isReadOnly())
    field.setFocus()
    type_all(qtbot, field)
    assert acted == []
    assert popups() == []
    assert rest_of(window) == before


def test_the_search_box_takes_every_key(window, qtbot, acted):
    before = rest_of(window)
    window.canvas.editor.search_to_add()
    (popup,) = popups()
    assert type_all(qtbot, popup.field) == PRINTABLE
    assert acted == []
    assert rest_of(window) == before
    qtbot.keyClick(popup.field, KEY.Key_Escape)


def test_space_that_was_pressed_elsewhere_searches_nothing(window, qtbot, acted):
    qtbot.keyRelease(window.canvas, KEY.Key_Space)
    assert popups() == []
    qtbot.keyClick(window.canvas, KEY.Key_Space)
    assert len(popups()) == 1


def test_enter_in_preferences_restores_nothing(window, qtbot, settings):
    dialog = PreferencesDialog(settings, window)
    qtbot.addWidget(dialog)
    dialog.show()
    changed = next(p for p in PREFERENCES if p.kind == "int")
    dialog.editors[changed.key].setValue(changed.minimum)
    for editor in dialog.editors.values():
        editor.setFocus()
        qtbot.keyClick(editor, KEY.Key_Return)
    assert settings.get(changed.key) == changed.minimum
    assert dialog.isVisible()
    qtbot.mouseClick(
        dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.RestoreDefaults),
        Qt.MouseButton.LeftButton,
    )
    assert settings.get(changed.key) == changed.default


def test_enter_in_the_filter_of_shortcuts_resets_none(window, qtbot):
    table = window.actions_table
    row = table.rows[0]
    table.set_shortcut(row, "Ctrl+Alt+F12")
    dialog = ShortcutsDialog(table, window)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.filter.setFocus()
    qtbot.keyClick(dialog.filter, KEY.Key_Return)
    assert table.shortcut(row) == "Ctrl+Alt+F12"


def test_the_graph_is_as_it_was(window, qtbot, acted):
    """Typing that is given up leaves no trace, not even a step to undo."""
    before = files.dumps(window.document.root)
    window.canvas.annotations.rename_selected()
    field = window.canvas.viewport().findChild(QPlainTextEdit)
    qtbot.keyClicks(field, "another name")
    qtbot.keyClick(field, KEY.Key_Escape)
    assert files.dumps(window.document.root) == before
    assert window.document.undo_stack.count() == 0
