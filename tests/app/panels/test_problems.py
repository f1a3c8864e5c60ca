"""Problems are listed as they come and go; a click selects, the button mends. History too."""

import pytest
from PySide6.QtWidgets import QApplication

from app.panels.history.panel import HistoryPanel
from app.panels.problems.panel import ProblemsPanel
from graphcore import presets


@pytest.fixture
def panel(qtbot, document):
    document.open_graph(presets.load("mlp"))
    panel = ProblemsPanel(document)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_a_sound_graph_has_none(panel):
    assert panel.list.count() == 0
    assert panel._stack.currentIndex() == 0


def test_a_problem_appears_is_selected_and_mended(panel, qtbot, document):
    document.remove(["flatten"])
    document.connect_nodes("x", "fc1")
    QApplication.processEvents()
    assert [panel.list.item(i).text() for i in range(panel.list.count())] == ["fc1"]
    with qtbot.waitSignal(panel.node_chosen) as chosen:
        panel.list.setCurrentRow(0)
    assert chosen.args == [["fc1"]]
    assert panel.fix.isVisible()
    panel.fix.click()
    QApplication.processEvents()
    assert panel.list.count() == 0


def test_the_list_is_left_alone_while_the_problems_stay_the_same(panel, document):
    document.remove(["flatten"])
    QApplication.processEvents()
    item = panel.list.item(0)
    document.rename("x", "image")
    QApplication.processEvents()
    assert panel.list.item(0) is item


def test_history_goes_back_and_forth(qtbot, document):
    panel = HistoryPanel(document)
    qtbot.addWidget(panel)
    document.add_node("ReLU", (0.0, 0.0))
    document.add_node("Tanh", (0.0, 0.0))
    model = panel.view.model()
    assert model.rowCount() == 3
    panel.view.setCurrentIndex(model.index(1, 0))
    assert len(document.graph) == 1
    panel.view.setCurrentIndex(model.index(2, 0))
    assert len(document.graph) == 2
