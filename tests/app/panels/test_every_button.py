"""Every button of every panel does something sensible where there is nothing to act on."""

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox

from app.panels import PANELS
from app.widgets import file_dialogs

PATIENCE = 30_000


@pytest.fixture
def closing(monkeypatch):
    """Closes the menus and dialogs that open; a dialog for a file is left by Cancel."""
    for name in vars(file_dialogs):
        if name.startswith("ask_"):
            monkeypatch.setattr(file_dialogs, name, lambda *_a, **_k: None)

    def close() -> None:
        if opened := QApplication.activePopupWidget() or QApplication.activeModalWidget():
            opened.close()

    timer = QTimer(interval=20)
    timer.timeout.connect(close)
    timer.start()
    yield
    timer.stop()


@pytest.mark.usefixtures("closing")
@pytest.mark.parametrize("name", ["", "expression", "circle"])
def test_every_button_can_be_pressed(qtbot, live_window, name):
    window = live_window
    window.start(name or "xor")
    if not name:
        window.files.new()
    qtbot.waitUntil(lambda: window.engine.state != "starting", timeout=PATIENCE)
    for row in PANELS:
        window.show_panel(row.id)
        QApplication.processEvents()
        for button in window.layouts.docks[row.id].widget().findChildren(QAbstractButton):
            if button.isEnabled() and not button.visibleRegion().isEmpty():
                QTest.mouseClick(button, Qt.MouseButton.LeftButton)
                QApplication.processEvents()
        for box in window.layouts.docks[row.id].widget().findChildren(QComboBox):
            if box.isEnabled() and box.isVisible():
                for place in range(min(box.count(), 4)):
                    box.setCurrentIndex(place)
                    box.activated.emit(place)
                    QApplication.processEvents()
    assert window.engine.state != "dead"
