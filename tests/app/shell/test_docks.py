"""The panels around the canvas: which are shown, how they are remembered, and how much they get."""

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QApplication, QTabBar, QToolButton

from app.panels import LAYOUTS, PANELS
from app.panels.problems.panel import ProblemsPanel
from app.shell.command_palette import CommandPalette
from app.shell.help.dialog import HelpDialog
from app.shell.shortcuts import ShortcutsDialog


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_shows_its_panels(window, layout):
    window.layouts.show(layout)
    shown = {d.panel.id for d in window.layouts.docks.values() if d.toggleViewAction().isChecked()}
    assert shown == {p.id for p in PANELS if layout in p.layouts}


def test_a_layout_remembers_itself(make_window):
    window = make_window()
    window.layouts.show("Build")
    window.layouts.docks["library"].close()
    window.layouts.show("Train")
    window.layouts.show("Build")
    assert not window.layouts.docks["library"].toggleViewAction().isChecked()
    window.close()
    again = make_window()
    assert not again.layouts.docks["library"].toggleViewAction().isChecked()
    again.layouts.reset()
    assert again.layouts.docks["library"].toggleViewAction().isChecked()


def test_panels_are_made_when_they_are_seen(window):
    dock = window.layouts.docks["problems"]
    assert dock.findChild(ProblemsPanel) is None
    window.show_panel("problems")
    QApplication.processEvents()
    assert dock.findChild(ProblemsPanel) is not None


def below(window):
    """Share of the window's height that is given to what is below the canvas."""
    for _ in range(4):
        QApplication.processEvents()
    docks = window.layouts.docks
    return docks["landscape"].height() / window.height()


def test_a_smaller_window_leaves_the_panels_their_share(make_window):
    window = make_window()
    window.resize(1600, 1000)
    window.layouts.show("Train")
    share = below(window)
    assert share > 0.35
    window.resize(1280, 800)
    assert below(window) == pytest.approx(share, abs=0.02)
    window.resize(1600, 1000)
    assert below(window) == pytest.approx(share, abs=0.005)
    for height in (*range(1000, 760, -3), *range(760, 1001, 3)):  # by the frame of the window
        window.resize(1600, height)
        QApplication.processEvents()
    window.resize(1600, 1000)
    assert below(window) == pytest.approx(share, abs=0.01)


def test_a_layout_that_was_left_in_a_larger_window_keeps_its_shares(make_window):
    window = make_window()
    window.resize(1600, 1000)
    window.layouts.show("Train")
    share = below(window)
    window.layouts.remember()
    window.layouts.hide()
    window.resize(1280, 800)
    window.layouts.restore()
    assert below(window) == pytest.approx(share, abs=0.02)


def test_a_panel_that_opens_a_side_can_be_read_at_once(make_window):
    window = make_window()
    window.layouts.show("Train")
    assert window.layouts.docks["inspector"].isHidden()
    window.show_panel("inspector")
    QApplication.processEvents()
    assert window.layouts.docks["inspector"].width() >= 240


def test_a_panel_that_is_switched_on_is_in_front(make_window):
    window = make_window()
    window.layouts.show("Present")
    dock = window.layouts.docks["histograms"]
    assert dock.isHidden()
    dock.toggleViewAction().trigger()
    QApplication.processEvents()
    assert dock.seen


@pytest.mark.parametrize("layout", ["Build", "Explain", "Train", "Present"])
def test_on_a_projector_with_large_letters_everything_that_trains_is_in_reach(
    live_window, qtbot, layout
):
    """A window of 1280 x 720 at 150 %."""
    window = live_window
    window.resize(853, 450)
    window.start("lenet5")
    window.layouts.show(layout)
    qtbot.waitUntil(window.transport.play.isEnabled, timeout=30_000)
    bar = window.transport
    for part in (bar.play, bar.step, bar.epoch, bar.reset, bar.speed, bar.rate):
        corner = part.mapTo(window, part.rect().bottomRight())
        assert part.isVisible()
        assert window.rect().contains(corner)
    assert window.canvas.height() > 0.5 * window.height()
    assert layout == "Build" or window.canvas.width() > 0.5 * window.width()
    if layout in ("Build", "Explain"):
        assert (window.width(), window.height()) == (853, 450)
        return
    panel = window.show_panel("training").fill()
    QApplication.processEvents()
    assert panel.loss.mapTo(panel, panel.loss.rect().bottomRight()).x() <= panel.width()
    assert panel.width() <= window.layouts.docks["training"].width()
    assert (window.width(), window.height()) == (853, 450)


@pytest.mark.parametrize("layout", ["Explain", "Train", "Present"])
def test_on_a_projector_panels_fold_and_tabs_are_whole(window, layout):
    window.resize(853, 450)
    window.layouts.show(layout)
    for name, dock in window.layouts.docks.items():
        if layout in dock.panel.layouts and name not in ("runs", "compare"):  # wide tables
            dock.raise_()
            dock.fill()
            QApplication.processEvents()
            assert dock.widget().horizontalScrollBar().maximum() == 0, name
    QApplication.processEvents()
    bars = window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    assert {bar.elideMode() for bar in bars if bar.isVisible()} == {Qt.TextElideMode.ElideNone}


def test_in_a_low_panel_the_curves_stand_above_the_figures(window):
    panel = window.show_panel("training").fill()
    tops = []
    for height in (300, 800):
        panel.set_room(QSize(390, height))
        panel.resize(390, 800)
        panel.layout().activate()
        parts = (panel.loss, panel.progress)
        tops.append([part.mapTo(panel, part.rect().topLeft()).y() for part in parts])
    assert tops[0][0] < tops[0][1]
    assert tops[1][0] > tops[1][1]


def test_no_dialog_is_larger_than_the_screen(window, monkeypatch):
    room = QSize(853, 480)
    monkeypatch.setattr("PySide6.QtGui.QScreen.availableSize", lambda _screen: room)
    for dialog in (HelpDialog, ShortcutsDialog):
        found = dialog(window.actions_table, window)
        assert found.width() < room.width()
        assert found.height() < room.height()
    window.resize(853, 450)
    palette = CommandPalette((), window)
    assert palette.y() + palette.height() < window.y() + window.height()


def test_a_wide_bar_shows_the_names_and_the_files_again(window):
    bar, open_file = window.transport, window.actions_table.actions["open"]
    button = next(b for b in window.findChildren(QToolButton) if b.defaultAction() is open_file)
    window.resize(480, 500)
    QApplication.processEvents()
    assert not button.isVisible()
    assert open_file.isVisible()
    window.resize(1300, 800)
    QApplication.processEvents()
    assert button.isVisible()
    assert bar._rate_text.isVisible()


def test_the_welcome_page_takes_nothing_from_the_panels(window):
    window.resize(1346, 728)
    window.layouts.show("Train")
    QApplication.processEvents()
    before = window.canvas.height(), window.layouts.docks["training"].height()
    window.show_welcome()
    QApplication.processEvents()
    assert window.time is None or not window.time.isVisible()
    window.show_canvas()
    QApplication.processEvents()
    assert (window.canvas.height(), window.layouts.docks["training"].height()) == before
