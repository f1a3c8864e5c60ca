"""The keyboard alone: add, walk along edges, connect, edit, delete and run, with undo and copy."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication, QMenu

from app.canvas.search_popup import SearchPopup
from tests.app.driver import PATIENCE

KEY = Qt.Key
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def visible(kind):
    """The open window of a kind: a popup or a menu."""
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    return found[-1] if found else None


@pytest.fixture
def typist(window, qtbot):
    """An empty graph, the keys on the canvas, and the pointer out of the way."""
    QCursor.setPos(QPoint(0, 0))
    window.files.new()
    window.activateWindow()
    window.canvas.setFocus()
    qtbot.waitUntil(window.canvas.hasFocus)

    class Typist:
        graph, canvas = window.document.graph, window.canvas

        def press(self, *keys, modifiers=Qt.KeyboardModifier.NoModifier):
            for key in keys:
                qtbot.keyClick(QApplication.focusWidget(), key, modifiers)

        def add(self, text):
            self.press(KEY.Key_Tab)
            popup = visible(SearchPopup)
            qtbot.keyClicks(popup.field, text)
            qtbot.keyClick(popup.field, KEY.Key_Return)
            qtbot.waitUntil(lambda: visible(SearchPopup) is None)
            window.canvas.setFocus()  # offscreen, nobody gives the focus back
            return self.canvas.selected()[0]

        def choose(self, text):
            """In the open menu, by arrow keys."""
            menu = visible(QMenu)
            assert text in [a.text() for a in menu.actions()]
            while menu.activeAction().text() != text:
                qtbot.keyClick(menu, KEY.Key_Down)
            qtbot.keyClick(menu, KEY.Key_Return)

    return Typist()


def test_each_node_is_connected_to_the_selected_one_and_stands_beside_it(typist, window):
    x = typist.add("input")
    graph = typist.graph
    assert graph.node(x).attributes["shape"] == (1, 28, 28), "what the data set hands out"
    first, second = typist.add("flat"), typist.add("relu")
    assert graph.edge_into(first, "x").source == x
    assert graph.edge_into(second, "x").source == first
    places = [graph.node(n).position for n in (x, first, second)]
    assert places[0][0] < places[1][0] < places[2][0], "a row, and none on another"
    stack = window.document.undo_stack
    assert stack.count() == 3, "a node and its edge are one step"


def test_a_source_goes_into_the_free_port_of_the_selected_node(typist):
    loss = typist.add("cross")
    target = typist.add("target")
    edges = typist.graph.edges_from(target)
    assert [e.target for e in edges] == [loss]


def test_what_does_not_fit_is_added_alone(typist):
    typist.add("input")
    dense = typist.add("dense")
    assert typist.graph.edge_into(dense, "x") is None, "a Linear takes no images"


def test_ports_are_connected_by_a_menu(typist, qtbot):
    _, first, last = (typist.add(text) for text in ("input", "flat", "relu"))
    typist.press(KEY.Key_Escape)
    adder = typist.add("plus")
    port = typist.graph.data_inputs(adder)
    typist.press(KEY.Key_C)
    typist.choose(f"{port[0]} ← {first}.y")
    assert typist.graph.edge_into(adder, port[0]).source == first
    typist.canvas.setFocus()
    typist.canvas.select(last)
    typist.press(KEY.Key_C)
    typist.choose(f"y → {adder}.{port[1]}")
    assert typist.graph.edge_into(adder, port[1]).source == last


def test_walk_edit_delete_and_undo(typist, window, qtbot):
    _, flat, first, last = (typist.add(text) for text in ("input", "flat", "dense", "relu"))
    typist.press(KEY.Key_Left, modifiers=CONTROL)
    assert typist.canvas.selected() == [first]
    typist.press(KEY.Key_Return)
    field = window.layouts.docks["inspector"].fill().first_field
    qtbot.waitUntil(field.hasFocus)
    field.selectAll()
    qtbot.keyClicks(field, "32")
    typist.press(KEY.Key_Return)
    assert typist.graph.node(first).attributes["out_features"] == 32
    typist.press(KEY.Key_F4)
    assert typist.canvas.hasFocus()
    typist.press(KEY.Key_Backspace)
    assert typist.graph.edge_into(last, "x").source == flat, "what stood on both sides is joined"
    typist.press(KEY.Key_Z, modifiers=CONTROL)
    assert typist.graph.edge_into(last, "x").source == first
    typist.press(KEY.Key_A, modifiers=CONTROL)
    typist.press(KEY.Key_Delete)
    assert len(typist.graph) == 0


def test_moves_by_keys_go_the_way_of_the_mouse(typist, window):
    typist.add("relu")
    window.document.undo_stack.setClean()
    typist.press(KEY.Key_Right, KEY.Key_Right)
    assert window.document.modified
    assert window.autosave._timer.isActive()
    assert window.document.undo_stack.undoText().startswith("Move")


def test_copy_paste_and_duplicate(typist):
    typist.add("input")
    typist.add("flat")
    typist.press(KEY.Key_A, KEY.Key_C, modifiers=CONTROL)
    typist.press(KEY.Key_V, modifiers=CONTROL)
    assert len(typist.graph) == 4
    typist.press(KEY.Key_D, modifiers=CONTROL)
    assert len(typist.graph) == 6
    typist.press(KEY.Key_X, modifiers=CONTROL)
    assert len(typist.graph) == 4
    assert len(typist.graph.edges) == 2


def test_a_composite_is_made_entered_and_left(typist, window):
    typist.add("dense")
    inside = typist.add("relu")
    typist.press(KEY.Key_A, KEY.Key_G, modifiers=CONTROL)
    assert len(typist.graph) == 1
    typist.press(KEY.Key_Return)
    assert window.document.prefix
    assert inside in window.canvas.items_by_name
    typist.press(KEY.Key_E, modifiers=SHIFT)
    assert not window.document.prefix


def test_the_outline_creates_follows_connects_and_edits(typist, window, qtbot):
    _, other_end, first = (typist.add(text) for text in ("input", "flat", "relu"))
    typist.press(KEY.Key_F3)
    panel = window.layouts.docks["outline"].fill()
    qtbot.waitUntil(panel.tree.hasFocus)
    assert panel.selected() == [first]
    qtbot.keyClick(panel.tree, KEY.Key_Insert)
    popup = visible(SearchPopup)
    qtbot.keyClicks(popup.field, "plus")
    qtbot.keyClick(popup.field, KEY.Key_Return)
    (adder,) = panel.selected()
    one, other = typist.graph.data_inputs(adder)
    assert typist.graph.edge_into(adder, one).source == first, "after the selected one"
    panel.tree.setFocus()
    qtbot.keyClick(panel.tree, KEY.Key_C)
    typist.choose(f"{other} ← {other_end}.y")
    assert typist.graph.edge_into(adder, other).source == other_end
    panel.tree.setFocus()
    qtbot.keyClick(panel.tree, KEY.Key_Right)
    qtbot.keyClick(panel.tree, KEY.Key_Down)
    assert panel.tree.currentIndex().data() == f"{one} ← {first}"
    qtbot.keyClick(panel.tree, KEY.Key_Return)
    assert panel.selected() == [first], "Enter on an edge goes to its other end"
    qtbot.keyClick(panel.tree, KEY.Key_F2)
    editor = QApplication.focusWidget()
    qtbot.keyClicks(editor, "hidden")
    qtbot.keyClick(editor, KEY.Key_Return)
    qtbot.waitUntil(lambda: "hidden" in typist.graph)
    window.activateWindow()
    panel.tree.setFocus()
    qtbot.waitUntil(panel.tree.hasFocus)
    qtbot.keyClick(panel.tree, KEY.Key_Delete)
    assert "hidden" not in typist.graph


def test_what_happens_is_announced(typist, window, qtbot):
    said = []
    window.announcements.made.connect(said.append)
    first = typist.add("dense")
    assert "Add Linear" in said
    assert any(s.startswith(f"{first}, Linear") for s in said)
    typist.add("relu")
    typist.press(KEY.Key_Left, modifiers=CONTROL)
    assert said[-1].startswith(f"{first}, Linear"), "where the keys are"
    typist.press(KEY.Key_Z, modifiers=CONTROL)
    assert "Undone: Add ReLU" in said
    window.canvas.select(first)
    typist.press(KEY.Key_B)
    assert "cannot be bypassed" in said[-1] or "bypass" in " ".join(said).lower()


def test_the_command_palette_adds_too(typist, window, qtbot):
    from app.shell.command_palette import CommandPalette

    typist.press(KEY.Key_P, modifiers=CONTROL | SHIFT)
    palette = next(p for p in window.findChildren(CommandPalette) if p.isVisible())
    qtbot.keyClicks(palette.search, "dense")
    qtbot.keyClick(palette.search, KEY.Key_Return)
    assert [n.operator for n in typist.graph] == ["Linear"]


def test_keys_alone_train_a_net(live_window, qtbot):
    window = live_window
    window.start("circle")
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    window.activateWindow()
    window.canvas.setFocus()
    qtbot.waitUntil(window.canvas.hasFocus)
    assert window.transport.step.isEnabled()
    qtbot.keyClick(window.canvas, KEY.Key_F6)
    qtbot.waitUntil(lambda: window.time.words.text().startswith("Step 1 "), timeout=PATIENCE)
