"""The library finds every operator and hands over its name."""

import pytest
from PySide6.QtCore import QModelIndex, Qt

from app.panels.library.panel import NAME, OPERATOR_MIME, LibraryPanel
from graphcore import ops, presets


@pytest.fixture
def panel(qtbot, document):
    panel = LibraryPanel(document)
    qtbot.addWidget(panel)
    panel.resize(260, 600)
    panel.show()
    return panel


def rows(panel):
    """Names of the rows that are not hidden."""
    model = panel.tree.model()
    return [
        model.item(i).child(j).data(NAME)
        for i in range(model.rowCount())
        for j in range(model.item(i).rowCount())
        if not panel.tree.isRowHidden(j, model.item(i).index())
        and not panel.tree.isRowHidden(i, QModelIndex())
    ]


def test_every_operator_is_listed(panel):
    assert set(rows(panel)) == set(ops.names()) - {"Composite", "Placeholder"}


@pytest.mark.parametrize(
    ("text", "found"),
    [("dense", "Linear"), ("conv", "Conv2d"), ("softm", "Softmax"), ("Gemm", "Linear")],
)
def test_search_knows_names_and_aliases(panel, qtbot, text, found):
    with qtbot.waitSignal(panel.operator_chosen) as chosen:
        panel.search.setText(text)
        qtbot.keyClick(panel.search, Qt.Key.Key_Return)
    assert chosen.args == [found]


def test_a_search_without_result_shows_nothing(panel, qtbot):
    panel.search.setText("zzzz")
    assert rows(panel) == []
    with qtbot.assertNotEmitted(panel.operator_chosen):
        qtbot.keyClick(panel.search, Qt.Key.Key_Return)
    panel.search.clear()
    assert len(rows(panel)) == len(ops.names()) - 2


def test_a_dragged_row_carries_the_operator(panel):
    model = panel.tree.model()
    heading = model.item(0)
    item = heading.child(0)
    assert item.flags() & Qt.ItemFlag.ItemIsDragEnabled
    assert not heading.flags() & Qt.ItemFlag.ItemIsDragEnabled
    data = model.mimeData([item.index()])
    assert bytes(data.data(OPERATOR_MIME)).decode() == item.data(NAME)


def test_presets_are_opened_by_name(panel, qtbot):
    panel.tabs.setCurrentIndex(1)
    assert rows(panel) == list(presets.names())
    with qtbot.waitSignal(panel.preset_chosen) as chosen:
        panel.search.setText("xor")
        qtbot.keyClick(panel.search, Qt.Key.Key_Return)
    assert chosen.args == ["xor"]


def test_every_tool_tip_explains(panel):
    model = panel.tree.model()
    for i in range(model.rowCount()):
        for j in range(model.item(i).rowCount()):
            item = model.item(i).child(j)
            assert ops.get(item.data(NAME)).summary() in item.toolTip()
