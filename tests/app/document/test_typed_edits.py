"""Typed attributes: one that is refused leaves no step, no change, and the page as it was."""

import os
import random

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from app.document.document import Document
from app.panels.inspector.attribute_text import format_value, parse_value
from app.panels.inspector.panel import InspectorPanel
from graphcore import files, ops
from graphcore.errors import GradscapeError

COUNT = int(os.environ.get("GRADSCAPE_TYPED_EDITS", "600"))
TYPED = (
    "-2", "0", "1", "3", "-1", "", "none", "1, 2", "3 5", "0, 0", "-1, 1", "2, 3, 4", "1.5", "-0.1",
    "nan", "inf", "-inf", "1e400", "1e308", "9223372036854775808", "-9223372036854775809", "1e20",
    "word", "[[1, 2], [3, 4]]", "[1, [2]]", "[[]]", "True", "1/0", "ij,jk->ik", "->", "ij->", "((",
    "1,,2", "same", "valid", "0x10", "١", "1_0", "é" * 50, "99999999999", "[nan, 1]", "{}", "None",
)  # fmt: skip


@pytest.fixture(scope="module")
def typed(themed):
    """Every operator with attributes as a node of one document."""
    document = Document()
    for name in ops.names():
        if ops.get(name).attrs:
            document.add_node(name, (0.0, 0.0))
    return document


def edit_at_random(document, choose):
    """One typed edit; whether it was refused."""
    node = choose.choice(list(document.graph))
    attr = choose.choice(node.op.attrs)
    text = choose.choice(TYPED) if choose.random() < 0.9 else format_value(attr.default)
    before = files.dumps(document.root), document.undo_stack.count(), dict(node.attributes)
    try:
        document.set_attributes(node.name, **{attr.name: parse_value(attr, text, node.operator)})
    except GradscapeError as error:
        assert len(str(error).splitlines()) == 1, (node.operator, attr.name, text)
        after = files.dumps(document.root), document.undo_stack.count(), dict(node.attributes)
        assert after == before, (node.operator, attr.name, text)
        return True
    document.shapes.update()
    assert files.dumps(files.loads(files.dumps(document.root))) == files.dumps(document.root), (
        node.operator, attr.name, text,
    )  # fmt: skip
    document.undo_stack.undo()
    assert dict(document.graph.node(node.name).attributes) == before[2]
    return False


def test_a_refused_edit_leaves_nothing(typed):
    choose = random.Random(11)
    refused = sum(edit_at_random(typed, choose) for _ in range(COUNT))
    assert 0.2 * COUNT < refused < 0.95 * COUNT


def test_a_refused_edit_of_several_nodes_leaves_no_open_step(window, qtbot):
    """The step that holds the edits of several nodes stayed open, and every later one fell in."""
    document = window.document
    names = [document.add_node("Linear", (0.0, 0.0), out_features=3) for _ in range(2)]
    window.canvas.select(names)
    page = window.show_panel("inspector").fill()
    heard = []
    document.message.connect(heard.append)
    before = document.undo_stack.count(), files.dumps(document.root)
    found = page.findChild(type(page.page)) if hasattr(page, "page") else page
    found._set_initializer("weight", "constant(")
    assert heard
    assert (document.undo_stack.count(), files.dumps(document.root)) == before
    document.undo_stack.undo()
    assert names[1] not in document.graph


INITIALIZERS = (
    "zeros", "ones", "constant(2)", "constant(", "normal(0, -1)", "uniform(1, 0)", "word", "", " ",
    "normal(nan, 1)", "values([1, [2]])", "constant(1e400)", "normal(0,1)", "ZEROS", "constant()",
)  # fmt: skip


def enter(line, text):
    line.setFocus()
    line.setText(text)
    line.setModified(True)
    QTest.keyClick(line, Qt.Key.Key_Return)


def edit_in_the_panel(document, page, choose):
    """Type one edit into the page of a node, and compare what both hold before and after undo."""
    (node,) = page.nodes
    lines = {n: e.widget for n, e in page.attributes.editors.items()}
    lines = {n: w for n, w in lines.items() if isinstance(w, QLineEdit)}
    starts = page.parameters.starts
    if not lines and not starts:
        return
    name = choose.choice([*lines, *starts])
    text = choose.choice(INITIALIZERS if name in starts else TYPED)
    before = document.undo_stack.index(), files.dumps(document.root)
    line = starts[name].lineEdit() if name in starts else lines[name]
    enter(line, text)
    QApplication.processEvents()
    if document.undo_stack.index() == before[0]:
        assert files.dumps(document.root) == before[1]
    assert document.undo_stack.index() <= before[0] + 1, (node.operator, name, text)
    check_shown(page, node, text)
    if document.undo_stack.index() > before[0]:
        document.undo_stack.undo()
        QApplication.processEvents()
        check_shown(page, node, text)


def check_shown(page, node, typed):
    """Assert that every field of a page shows what the graph holds."""
    for name, editor in page.attributes.editors.items():
        if isinstance(editor.widget, QLineEdit):
            assert editor.widget.text() == format_value(node.attributes[name]), (
                node.operator, name, typed,
            )  # fmt: skip
    for name, start in page.parameters.starts.items():
        held = node.initializers.get(name, node.op.initializers.get(name, ""))
        assert start.currentText() == held, (node.operator, name, typed)


def test_after_every_edit_the_panel_shows_what_the_graph_holds(typed, qtbot):
    panel = InspectorPanel(typed)
    qtbot.addWidget(panel)
    panel.show()
    choose = random.Random(12)
    for _ in range(COUNT // 20):
        node = choose.choice(list(typed.graph))
        panel.show_selection([node.name])
        for _ in range(20):
            edit_in_the_panel(typed, panel.page, choose)
