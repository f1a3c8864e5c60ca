"""Adding by name and by typing: the search box at the pointer, used with real keys."""

import msgspec
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.canvas.search_popup import SearchPopup

POINTER = QPointF(200, 300)


@pytest.fixture(autouse=True)
def forget_recent(monkeypatch):
    monkeypatch.setattr(SearchPopup, "recent", [])


@pytest.fixture
def canvas(show):
    return show()


@pytest.fixture
def search(canvas):
    """Opens the box as Space does, types, and tells what is offered."""

    def type_into(text, where=POINTER):
        QCursor.setPos(canvas.viewport().mapToGlobal(canvas.mapFromScene(where)))
        QTest.keyClick(canvas, Qt.Key.Key_Space)
        (popup,) = popups()
        QTest.keyClicks(popup.field, text)
        return popup

    return type_into


def popups():
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, SearchPopup)]
    return [w for w in found if w.isVisible()]


def offered(popup):
    role = Qt.ItemDataRole.UserRole
    return [popup.list.item(i).data(role) for i in range(popup.list.count())]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("dense", "Linear"), ("fc", "Linear"), ("conv", "Conv2d"), ("+", "Add"), ("relu", "ReLU"),
        ("LSTM", "LSTM"), ("max pool", "MaxPool2d"), ("cross entropy", "CrossEntropyLoss"),
    ],
)  # fmt: skip
def test_names_aliases_and_signs_find_their_operator(search, typed, found):
    popup = search(typed)
    assert found in offered(popup)[:3]
    popup.close()


def test_enter_places_the_node_under_the_pointer(search, canvas, steps):
    popup = search("dense")
    QTest.keyClick(popup.field, Qt.Key.Key_Return)
    (item,) = canvas.items_by_name.values()
    assert item.node.operator == "Linear"
    assert item.sceneBoundingRect().adjusted(-12, -12, 12, 12).contains(POINTER)
    assert len(steps()) == 1
    assert not popups()


def test_arrows_choose_and_escape_adds_nothing(search, canvas, steps):
    popup = search("conv")
    second = offered(popup)[1]
    QTest.keyClick(popup.field, Qt.Key.Key_Down)
    QTest.keyClick(popup.field, Qt.Key.Key_Return)
    assert [i.node.operator for i in canvas.items_by_name.values()] == [second]
    QTest.keyClick(search("relu"), Qt.Key.Key_Escape)
    assert len(steps()) == 1
    assert not popups()


def test_what_was_added_last_is_offered_first(search):
    for typed in ("relu", "sigmoid"):
        QTest.keyClick(search(typed).field, Qt.Key.Key_Return)
    popup = search("")
    assert offered(popup)[:2] == ["Sigmoid", "ReLU"]
    popup.close()


def test_what_is_added_joins_the_loose_end_that_is_selected(search, canvas, steps):
    for typed in ("input", "flatten", "dense", "relu"):
        QTest.keyClick(search(typed, canvas.editor._free_place()).field, Qt.Key.Key_Return)
    graph = canvas.document.graph
    assert [e.target for e in graph.edges] == ["flatten", "linear", "relu"]
    assert len(steps()) == 4, "the node and its edge are one step"
    canvas.document.undo_stack.undo()
    assert len(graph.edges) == 2


def test_nothing_is_joined_that_does_not_fit(search, canvas):
    canvas.document.add_node("Input", (0.0, 0.0), shape=(784,))
    canvas.select("input")
    QTest.keyClick(search("conv2d", QPointF(300, 0)).field, Qt.Key.Key_Return)
    assert len(canvas.items_by_name) == 2
    assert canvas.document.graph.edges == ()
    assert not canvas.editor.refusal.isVisible()


@pytest.mark.parametrize(
    ("typed", "operators", "edges"),
    [
        ("J = 3*(a + b*c)", {"Input", "Constant", "Add", "Mul"}, 6),
        ("784-128-relu-10", {"Input", "Linear", "ReLU", "Target", "CrossEntropyLoss"}, 6),
        ("conv 8 5 | relu | pool 2 | flatten | 10",
         {"Input", "Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear", "Target",
          "CrossEntropyLoss"}, 7),
    ],
)  # fmt: skip
def test_typing_builds_a_laid_out_graph_in_one_step(search, canvas, steps, typed, operators, edges):
    popup = search(typed)
    assert offered(popup)[0] == ""
    assert "Build" in popup.list.item(0).text()
    QTest.keyClick(popup.field, Qt.Key.Key_Return)
    graph = canvas.document.graph
    assert operators <= {n.operator for n in graph}
    assert len(graph.edges) >= edges
    areas = [i.sceneBoundingRect() for i in canvas.items_by_name.values()]
    assert not any(a.intersects(b) for i, a in enumerate(areas) for b in areas[:i])
    assert all(canvas.camera.seen_area().contains(a.center()) for a in areas)
    assert len(steps()) == 1
    canvas.document.undo_stack.undo()
    assert not len(graph)


@pytest.mark.parametrize(
    ("typed", "before", "loss", "data"),
    [
        ("2-8-tanh-1", "mnist", "BCEWithLogitsLoss", "circle"),
        ("2-8-tanh-2", "mnist", "CrossEntropyLoss", "circle"),
        ("2-8-tanh-1", "moons", "BCEWithLogitsLoss", "moons"),
        ("2-8-tanh-1", "plane", "MSELoss", "plane"),
        ("1-16-tanh-1", "mnist", "MSELoss", "linear"),
        ("conv 8 5 | relu | pool 2 | 10", "circle", "CrossEntropyLoss", "mnist"),
        ("13-8-relu-1", "csv", "MSELoss", "csv"),
        ("13-8-relu-1-sigmoid", "csv", "BCEWithLogitsLoss", "csv"),
    ],
)
def test_a_typed_net_gets_the_loss_and_the_data_of_its_ends(
    search, canvas, steps, typed, before, loss, data
):
    document = canvas.document
    document.set_training(msgspec.structs.replace(document.root.training, dataset=before))
    made = len(steps())
    QTest.keyClick(search(typed).field, Qt.Key.Key_Return)
    assert document.graph.node("loss").operator == loss
    assert document.root.training.dataset == data
    if data != before:
        assert (document.root.training.epochs > 10) == (data != "mnist"), "it learns within seconds"
    assert len(steps()) == made + 1
    document.undo_stack.undo()
    assert document.root.training.dataset == before
    assert not len(document.graph)


def test_a_second_net_leaves_the_data_as_they_are(search, canvas):
    for typed in ("2-8-tanh-1", "conv 8 5 | pool 2 | 10"):
        QTest.keyClick(search(typed).field, Qt.Key.Key_Return)
    assert canvas.document.root.training.dataset == "circle"


def test_where_nothing_is_found_the_box_says_how_a_net_is_typed(search):
    popup = search("784 layers")
    assert not popup.list.count()
    assert "conv 8 5 | relu" in popup.none.text()
    popup.close()


@pytest.mark.parametrize(
    ("selected", "first"), [(None, "MaxPool2d"), ("image", "MaxPool2d"), ("series", "MaxPool1d")]
)
def test_pooling_is_that_of_what_it_follows(search, canvas, selected, first):
    shapes = {"image": (1, 8, 8), "series": (3, 8)}
    if selected:
        canvas.select([canvas.document.add_node("Input", (0.0, 0.0), shape=shapes[selected])])
    popup = search("maxpool", QPointF(300, 0))
    assert offered(popup)[0] == first
    popup.close()


def test_half_a_formula_is_no_graph(search):
    popup = search("J = 3*(a +")
    assert "" not in offered(popup)
    popup.close()


def test_the_box_is_as_tall_as_what_it_found_and_says_when_that_is_nothing(search):
    box = search("")
    tall = box.height()
    QTest.keyClicks(box.field, "convtr")
    assert box.list.count() == 2
    assert box.height() < tall / 2
    QTest.keyClicks(box.field, "zz")
    assert box.list.count() == 0
    assert box.none.isVisible()
    assert "convtrzz" in box.none.text()
    box.close()
