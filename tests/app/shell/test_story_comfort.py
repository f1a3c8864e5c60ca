"""Themes, layouts, keys, pictures and order, by clicks and keys."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QToolBar, QToolButton

from app.panels import LAYOUTS
from app.shell import actions
from app.shell.shortcuts import ShortcutsDialog

Key = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


def awake(window):
    window.activateWindow()
    window.canvas.setFocus()
    assert QTest.qWaitForWindowActive(window)


def test_a_click_on_the_moon_changes_the_theme(window):
    action = window.actions_table.actions["light"]
    buttons = window.findChild(QToolBar).findChildren(QToolButton)
    button, app = next(b for b in buttons if b.defaultAction() is action), QApplication.instance()
    dark = app.palette().window().color().lightness()
    QTest.mouseClick(button, LEFT)
    assert app.palette().window().color().lightness() > dark
    QTest.mouseClick(button, LEFT)
    assert app.palette().window().color().lightness() == dark


@pytest.mark.parametrize(
    ("layout", "shown", "hidden"),
    [("Build", "library", "landscape"), ("Explain", "walk", "library"),
     ("Train", "landscape", "library"), ("Present", "landscape", "inspector")],
)  # fmt: skip
def test_a_click_on_its_tab_shows_a_layout(window, layout, shown, hidden):
    switch = window.menus.switch
    place = next(i for i in range(switch.count()) if switch.tabText(i).strip("&") == layout)
    other = (place + 1) % switch.count()
    for tab in (other, place):
        QTest.mouseClick(switch, LEFT, pos=switch.tabRect(tab).center())
        QApplication.processEvents()
    assert window.layouts.current == layout
    docks = window.layouts.docks
    assert docks[shown].toggleViewAction().isChecked()
    assert not docks[hidden].toggleViewAction().isChecked()


def test_a_shortcut_is_pressed_into_the_dialog(qtbot, window):
    dialog = ShortcutsDialog(window.actions_table, window)
    dialog.show()
    assert QTest.qWaitForWindowActive(dialog)
    dialog.filter.setFocus()
    QTest.keyClicks(dialog.filter, "save")
    row = next(r for r in actions.ACTIONS if r.id == "save")
    item = dialog.rows["save"]
    assert not item.isHidden()
    assert dialog.rows["new"].isHidden()
    place = dialog.tree.visualItemRect(item).center()
    QTest.mouseClick(dialog.tree.viewport(), LEFT, pos=place)
    keys = dialog.keys
    keys.setFocus()
    QTest.keyClick(
        keys, Key.Key_S, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    )
    qtbot.waitUntil(lambda: window.actions_table.shortcut(row) == "Ctrl+Alt+S")
    assert window.actions_table.actions["save"].shortcut().toString() == "Ctrl+Alt+S"
    dialog.assign(row, row.shortcut)
    dialog.close()


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_control_e_writes_the_canvas_as_a_picture(window, answers, tmp_path, ending):
    awake(window)
    path = tmp_path / f"net{ending}"
    answers["ask_export"] = str(path)
    QTest.keyClick(window.canvas, Key.Key_E, CONTROL)
    assert path.stat().st_size > 2000
    if ending == ".png":
        assert QImage(str(path)).width() > 600


def choose_in_menu(qtbot, window, at, text):
    """Open the menu at a point of the canvas with the right button and click a row of it."""
    view = window.canvas.viewport()
    QTest.mousePress(view, RIGHT, pos=at)
    QTest.mouseRelease(view, RIGHT, pos=at)
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    row = next(a for a in menu.actions() if a.text() == text)
    QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(row).center())


def on_body(canvas, name):
    item = canvas.items_by_name[name]
    return canvas.mapFromScene(item.sceneBoundingRect().center())


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        ("Align Left", lambda p: len({x for x, _ in p}) == 1),
        ("Align Top", lambda p: len({y for _, y in p}) == 1),
        ("Distribute in a Row",
         lambda p: abs((p[1][0] - p[0][0]) - (p[2][0] - p[1][0])) <= 1),
        ("Distribute in a Column",
         lambda p: abs((p[1][1] - p[0][1]) - (p[2][1] - p[1][1])) <= 1),
    ],
)  # fmt: skip
def test_selected_nodes_are_put_in_order_from_the_menu(qtbot, window, row, holds):
    awake(window)
    canvas, graph = window.canvas, window.document.graph
    names = ["conv1", "relu1", "pool1"]
    window.document.move({"conv1": (0, -900), "relu1": (300, -740), "pool1": (760, -480)})
    canvas.camera.fit_all()
    shift = Qt.KeyboardModifier.ShiftModifier
    for i, name in enumerate(names):
        QTest.mouseClick(canvas.viewport(), LEFT, shift if i else Qt.KeyboardModifier.NoModifier,
                         on_body(canvas, name))  # fmt: skip
    assert set(canvas.selected()) == set(names)
    before = window.document.undo_stack.count()
    choose_in_menu(qtbot, window, on_body(canvas, "relu1") + QPoint(2, 2), row)
    places = [graph.node(n).position for n in names]
    assert holds(places), places
    assert window.document.undo_stack.count() == before + 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_fits_a_projector_at_150_percent(window, layout):
    """1600x900 pixels at 150 % are 1066x600: what has no room scrolls inside its panel."""
    window.layouts.show(layout)
    for dock in window.layouts.docks.values():
        if layout in dock.panel.layouts:
            dock.fill()
    QApplication.processEvents()
    window.resize(1066, 600)
    QApplication.processEvents()
    assert (window.width(), window.height()) == (1066, 600)
    dock = next(d for d in window.layouts.docks.values() if d.seen)
    panel, room = dock.fill(), dock.widget().currentWidget().viewport()
    assert panel.width() >= max(room.width(), panel.minimumSizeHint().width())
    assert panel.height() >= max(room.height(), panel.minimumSizeHint().height())
