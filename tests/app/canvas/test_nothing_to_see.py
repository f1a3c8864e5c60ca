"""Canvas and map while there is nothing to see, or no room to see it in."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (3, 400), (900, 600)])
def test_an_empty_graph_is_drawn_fitted_mapped_and_exported(window, qtbot, tmp_path, size):
    canvas, document = window.canvas, window.document
    document.new()
    QApplication.processEvents()
    canvas.resize(*size)
    canvas.minimap.show()  # it was shown for the graph before, and is painted once more
    canvas.minimap.grab()
    qtbot.mouseClick(canvas.minimap, Qt.MouseButton.LeftButton, pos=canvas.minimap.rect().center())
    for act in (
        canvas.camera.fit_all,
        canvas.camera.zoom_in,
        canvas.camera.zoom_out,
        lambda: canvas.camera.fit_nodes([]),
    ):
        act()
        canvas.grab()
    for ending in (".svg", ".pdf", ".png"):
        canvas.editor.export(str(tmp_path / f"net{ending}"))
        assert (tmp_path / f"net{ending}").stat().st_size
    document.add_node("ReLU", (0.0, 0.0))
    canvas.camera.fit_all()
    canvas.grab()
    assert canvas.minimap._transform().isInvertible()
