"""The inspector's forms change the document, and show what refuses."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLineEdit

from app.panels.inspector.attribute_text import format_value, parse_value
from app.panels.inspector.graph_page import GraphPage
from app.panels.inspector.operator_help import OperatorHelp, help_html
from app.panels.inspector.panel import InspectorPanel
from app.widgets.formula import svg
from graphcore import ops, presets
from graphcore.errors import AttributeRefusedError


@pytest.fixture
def panel(qtbot, document):
    document.open_graph(presets.load("lenet5"))
    panel = InspectorPanel(document)
    qtbot.addWidget(panel)
    panel.resize(300, 900)
    panel.show()
    return panel


def type_into(qtbot, line, text):
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    QApplication.processEvents()


def editor(panel, name):
    return panel.page.attributes.editors[name].widget


def test_nothing_selected_shows_totals(panel):
    assert isinstance(panel.page, GraphPage)
    assert panel.page.totals.values["Parameters"].text() == "61,706"
    assert panel.page.totals.values["Nodes"].text() == "15"
    assert panel.page.training.values["Data set"].text() == "mnist"


def test_every_attribute_has_a_row_with_its_help(panel):
    panel.show_selection(["conv1"])
    for attr in ops.get("Conv2d").attrs:
        assert attr.help in editor(panel, attr.name).toolTip()
        assert editor(panel, attr.name).accessibleName() == attr.name


def test_typing_changes_the_node_in_one_undo_step(panel, qtbot, document):
    panel.show_selection(["conv1"])
    before = document.undo_stack.count()
    type_into(qtbot, editor(panel, "out_channels"), "8")
    assert document.graph.node("conv1").attributes["out_channels"] == 8
    assert document.undo_stack.count() == before + 1
    document.undo_stack.undo()
    QApplication.processEvents()
    assert editor(panel, "out_channels").text() == "6"


@pytest.mark.parametrize("text", ["0", "-3", "abc", "2.5", "none"])
def test_a_value_that_does_not_fit_is_refused_in_words(panel, qtbot, document, text):
    panel.show_selection(["conv1"])
    with qtbot.waitSignal(document.message) as said:
        type_into(qtbot, editor(panel, "out_channels"), text)
    assert "out_channels" in said.args[0]
    assert document.graph.node("conv1").attributes["out_channels"] == 6
    assert editor(panel, "out_channels").text() == "6"


def test_arrows_step_and_escape_restores(panel, qtbot, document):
    panel.show_selection(["conv1"])
    line = editor(panel, "out_channels")
    qtbot.keyClick(line, Qt.Key.Key_Up)
    QApplication.processEvents()
    assert document.graph.node("conv1").attributes["out_channels"] == 7
    line.setText("99")
    qtbot.keyClick(line, Qt.Key.Key_Escape)
    assert line.text() == "7"


def test_several_nodes_show_mixed_values_and_change_together(panel, qtbot, document):
    panel.show_selection(["conv1", "conv2"])
    line = editor(panel, "out_channels")
    assert isinstance(line, QLineEdit)
    assert line.text() == ""
    assert line.placeholderText() == "mixed values"
    assert editor(panel, "kernel_size").text() == "5"
    before = document.undo_stack.index()
    type_into(qtbot, line, "4")
    assert [document.graph.node(n).attributes["out_channels"] for n in ("conv1", "conv2")] == [4, 4]
    assert document.undo_stack.index() == before + 1


def test_leaving_a_mixed_field_changes_nothing(panel, qtbot, document):
    panel.show_selection(["conv1", "conv2"])
    before = document.undo_stack.index()
    editor(panel, "out_channels").setFocus()
    editor(panel, "padding").setFocus()
    assert document.undo_stack.index() == before


def test_different_operators_share_only_what_they_share(panel):
    panel.show_selection(["conv1", "fc1"])
    assert set(panel.page.attributes.editors) <= {"bias"}
    panel.show_selection(["conv1", "relu1"])
    assert panel.page.attributes.editors == {}


def test_check_boxes_and_choices(panel, qtbot, document):
    panel.show_selection(["fc1"])
    check = editor(panel, "bias")
    assert isinstance(check, QCheckBox)
    check.click()
    QApplication.processEvents()
    assert document.graph.node("fc1").attributes["bias"] is False
    assert "bias" not in panel.page.parameters.starts
    panel.show_selection(["loss"])
    combo = editor(panel, "reduction")
    assert isinstance(combo, QComboBox)
    combo.setCurrentText("sum")
    combo.activated.emit(combo.currentIndex())
    assert document.graph.node("loss").attributes["reduction"] == "sum"


def test_rename(panel, qtbot, document):
    panel.show_selection(["conv1"])
    type_into(qtbot, panel.page.name, "first")
    assert "first" in document.graph
    assert "conv1" not in document.graph
    with qtbot.waitSignal(document.message):
        type_into(qtbot, panel.page.name, "conv2")
    assert panel.page.name.text() == "first"


def test_initialiser_and_freeze(panel, qtbot, document):
    panel.show_selection(["fc1"])
    start = panel.page.parameters.starts["weight"]
    assert start.currentText() == "uniform_fan_in"
    type_into(qtbot, start.lineEdit(), "normal(0, 0.1)")
    assert document.graph.node("fc1").initializers["weight"] == "normal(0, 0.1)"
    with qtbot.waitSignal(document.message):
        type_into(qtbot, panel.page.parameters.starts["weight"].lineEdit(), "wishful(1)")
    assert document.graph.node("fc1").initializers["weight"] == "normal(0, 0.1)"
    panel.page.parameters.frozen["weight"].click()
    assert document.graph.node("fc1").frozen == {"weight"}


@pytest.mark.parametrize("node", ["conv1", "loss"])
def test_the_wheel_changes_no_node(panel, document, node):
    panel.show_selection([node])
    fields = panel.page.findChildren(QComboBox)
    assert fields
    before = [field.currentText() for field in fields], document.undo_stack.count()
    for field in fields:
        middle = QPointF(field.rect().center())
        turn = QWheelEvent(
            middle, QPointF(field.mapToGlobal(middle)), QPoint(), QPoint(0, -120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(field, turn)
        assert not field.hasFocus()
    assert ([field.currentText() for field in fields], document.undo_stack.count()) == before


def test_numbers_of_a_node(panel):
    panel.show_selection(["conv1"])
    shown = {name: label.text() for name, label in panel.page.facts.values.items()}
    assert shown["Output"] == "(N, 6, 28, 28)"
    assert shown["Parameters"] == "156"
    assert shown["Multiply-adds"] == "117,600 per sample"  # 28 · 28 · 6 · 25


def test_a_problem_is_said_and_its_fix_applied(panel, qtbot, document):
    document.remove(["flatten"])
    document.connect_nodes("pool2", "fc1")
    panel.show_selection(["fc1"])
    assert panel.page.problem.isVisible()
    assert "Flatten" in panel.page.problem_text.text()
    panel.page.fix.click()
    QApplication.processEvents()
    assert not panel.page.problem.isVisible()
    assert document.shapes.problem("fc1") is None


def test_a_removed_node_leaves_the_inspector(panel, document):
    panel.show_selection(["conv1"])
    document.remove(["conv1"])
    QApplication.processEvents()
    assert isinstance(panel.page, GraphPage)


@pytest.mark.parametrize("name", ops.names())
def test_every_operator_has_a_page(qtbot, document, name):
    op = ops.get(name)
    page = OperatorHelp(op)
    qtbot.addWidget(page)
    assert op.summary().split("``")[0][:20] in help_html(op).replace("&quot;", '"') or op.summary()
    for latex in filter(None, (op.formula, op.derivative)):
        assert svg(latex, 16.0, "#000000").startswith(b"<svg")


@pytest.mark.parametrize(
    ("attr", "text", "value"),
    [
        (ops.Attr("a", 1, "", "int"), "3", 3),
        (ops.Attr("a", 0.5, "", "float"), "1e-3", 1e-3),
        (ops.Attr("a", 1, "", "size"), "3 x 5", (3, 5)),
        (ops.Attr("a", 1, "", "size"), "(3, 3)", (3, 3)),
        (ops.Attr("a", (), "", "shape"), "1, 28, 28", (1, 28, 28)),
        (ops.Attr("a", (), "", "shape"), "", ()),
        (ops.Attr("a", None, "", "axes", optional=True), "none", None),
        (ops.Attr("a", None, "", "axes", optional=True), "-1", -1),
        (
            ops.Attr("a", None, "", "array", optional=True),
            "[[1, 2], [3, 4]]",
            ((1.0, 2.0), (3.0, 4.0)),
        ),
        (ops.Attr("a", None, "", "array", optional=True), "1 2\t3; 4", (1.0, 2.0, 3.0, 4.0)),
        (ops.Attr("a", (), "", "ints"), "-1, 4", (-1, 4)),
    ],
)
def test_text_to_value_and_back(attr, text, value):
    assert parse_value(attr, text, "Op") == value
    assert parse_value(attr, format_value(value), "Op") == value


@pytest.mark.parametrize("text", ["[1, [2]]", "__import__('os')", "[" * 5000, "a"])
def test_text_that_is_no_array_is_refused(text):
    with pytest.raises(AttributeRefusedError):
        parse_value(ops.Attr("a", None, "", "array", optional=True), text, "Op")


def test_a_graph_without_data_speaks_of_no_training(make_window):
    for name, shown in (("expression", False), ("circle", True)):
        window = make_window(name)
        page = GraphPage(window.document)
        page.refresh()
        assert page.training.isVisibleTo(page) == shown
