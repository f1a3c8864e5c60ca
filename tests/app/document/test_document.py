"""Every edit is one named step; a refused one changes nothing; undo and redo are exact."""

import random

import pytest
from PySide6.QtWidgets import QApplication

from app.document import history
from app.document.document import Document
from graphcore import files, ops, presets
from graphcore.errors import (
    AttributeRefusedError,
    CycleError,
    FileError,
    GradscapeError,
    GraphError,
    NameRefusedError,
    UnknownNodeError,
)
from graphcore.graph.drawing.layers import layout
from graphcore.graph.elements import Edge, Frame, Note
from graphcore.graph.expression import parse_expression
from graphcore.graph.training_settings import TrainingSettings


@pytest.fixture
def document(qapp):
    made = Document()
    made.open_graph(presets.load("lenet5"))
    return made


def state(document):
    return files.dumps(document.graph)


def steps(document):
    return [document.undo_stack.text(i) for i in range(document.undo_stack.count())]


def edge_into(document, name, port="x"):
    return document.graph.edge_into(name, port)


# -- one edit, one step, and back -----------------------------------------------------------------

EDITS = {
    "add": lambda d: d.add_node("ReLU", (0.0, 0.0)),
    "remove": lambda d: d.remove(["relu1", "pool1"]),
    "remove and reconnect": lambda d: d.remove(["relu1", "pool1"], reconnect=True),
    "rename": lambda d: d.rename("conv1", "edges"),
    "move": lambda d: d.move({"conv1": (5.0, 6.0), "relu1": (7.0, 8.0)}),
    "arrange": lambda d: d.arrange(0.5),
    "attributes": lambda d: d.set_attributes(["conv1", "conv2"], out_channels=9),
    "initializer": lambda d: d.set_initializer("conv1", "weight", "zeros"),
    "frozen": lambda d: d.set_frozen("conv1", "weight", True),
    "bypass": lambda d: d.set_flag(["relu1"], "bypassed", True),
    "pin": lambda d: d.set_flag(["relu1"], "pinned", True),
    "connect over": lambda d: d.connect_nodes("conv1", "pool1"),
    "disconnect": lambda d: d.disconnect_edges([edge_into(d, "relu1"), edge_into(d, "fc1")]),
    "reconnect": lambda d: d.reconnect(
        edge_into(d, "relu2"), Edge("pool1", "y", "relu2", "x")
    ),
    "move output": lambda d: d.move_output(d.graph.edges_from("relu1"), "conv1", "y"),
    "insert": lambda d: d.insert_on_edge(edge_into(d, "pool1"), "Dropout"),
    "insert existing": lambda d: d.insert_node_on_edge(
        edge_into(d, "pool1"), "relu4", (9.0, 9.0)
    ),
    "duplicate": lambda d: d.duplicate(["conv1", "relu1"], (10.0, 20.0)),
    "paste": lambda d: d.paste(files.dumps_selection(d.graph, ["conv1", "relu1"])),
    "formula": lambda d: d.add_graph(parse_expression("J = a*b + c"), (0.0, 900.0), "J = a*b + c"),
    "training": lambda d: d.set_training(TrainingSettings(epochs=7)),
    "frame": lambda d: d.add_frame(["conv1", "relu1"], "First"),
    "note": lambda d: d.add_note("Hello", (1.0, 2.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_one_step_and_can_be_taken_back(document, name):
    before = state(document)
    EDITS[name](document)
    after = state(document)
    assert after != before
    assert document.modified
    assert len(steps(document)) == 1
    assert steps(document)[0].strip()
    document.undo_stack.undo()
    assert state(document) == before
    assert not document.modified
    document.undo_stack.redo()
    assert state(document) == after


def test_every_operator_can_be_added(qapp):
    document = Document()
    names = sorted(set(ops.names()) - {"Composite", "Output"})
    for name in names:
        document.add_node(name, (0.0, 0.0))
    assert [node.operator for node in document.graph] == names


REFUSED = {
    "unknown operator": (GraphError, lambda d: d.add_node("Nothing", (0.0, 0.0))),
    "bad attribute": (
        AttributeRefusedError, lambda d: d.set_attributes(["conv1", "conv2"], out_channels=-3)
    ),
    "attribute of one of two": (
        AttributeRefusedError, lambda d: d.set_attributes(["conv1", "relu1"], out_channels=3)
    ),
    "unknown node": (UnknownNodeError, lambda d: d.remove(["conv1", "nobody"])),
    "taken name": (NameRefusedError, lambda d: d.rename("conv1", "conv2")),
    "cycle": (CycleError, lambda d: d.connect_nodes("conv2", "conv1")),
    "cycle over": (
        CycleError, lambda d: d.reconnect(edge_into(d, "conv1"), Edge("fc1", "y", "conv1", "x"))
    ),
    "source on an edge": (
        GraphError, lambda d: d.insert_on_edge(edge_into(d, "relu1"), "Constant")
    ),
    "label on an edge": (
        GraphError, lambda d: d.insert_node_on_edge(edge_into(d, "relu1"), "target", (0.0, 0.0))
    ),
    "clipboard": (FileError, lambda d: d.paste("not a graph")),
    "empty frame": (GraphError, lambda d: d.add_frame([], "Nothing")),
    "unknown frame": (GraphError, lambda d: d.remove_frame("nothing")),
    "unknown flag": (GraphError, lambda d: d.set_flag(["conv1"], "position", True)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_edit_changes_nothing(document, name):
    before = state(document)
    error, edit = REFUSED[name]
    with pytest.raises(error) as caught:
        edit(document)
    assert str(caught.value).endswith(".")
    assert state(document) == before
    assert not steps(document)
    assert not document.modified


def test_edits_that_change_nothing_are_no_steps(document):
    place = document.graph.node("conv1").position
    document.move({"conv1": place})
    document.connect_nodes("x", "conv1", "x")
    document.rename("conv1", "conv1")
    document.set_training(document.graph.training)
    document.disconnect_edges([])
    document.remove([])
    assert not steps(document)


# -- steps that merge -----------------------------------------------------------------------------


def test_typing_and_nudges_merge_and_drags_do_not(document):
    start = state(document)
    for channels in (1, 12, 123):
        document.set_attributes("conv1", out_channels=channels)
    assert len(steps(document)) == 1
    for i in range(5):
        document.move({"conv1": (float(i), 500.0)}, nudge=True)
    assert len(steps(document)) == 2
    document.move({"conv1": (50.0, 0.0)})
    document.move({"conv1": (60.0, 0.0)})
    assert len(steps(document)) == 4
    for _ in range(4):
        document.undo_stack.undo()
    assert state(document) == start


def test_edits_of_one_thing_that_lie_apart_are_steps_of_their_own(document, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(history.time, "monotonic", lambda: now[0])
    for channels, at in ((2, 0.0), (3, 2.0), (4, 4.0), (5, 24.0)):
        now[0] = at
        document.set_attributes("conv1", out_channels=channels)
    assert len(steps(document)) == 2
    document.undo_stack.undo()
    assert document.graph.node("conv1").attributes["out_channels"] == 4


def test_steps_do_not_merge_over_a_save(document, tmp_path):
    document.set_attributes("conv1", out_channels=7)
    document.save(tmp_path / "a.graph.json")
    document.set_attributes("conv1", out_channels=8)
    assert document.modified
    document.undo_stack.undo()
    assert not document.modified
    assert document.graph.node("conv1").attributes["out_channels"] == 7


# -- macros ---------------------------------------------------------------------------------------


def test_a_macro_is_one_step(document):
    before = state(document)
    with document.macro("Both"):
        document.add_node("ReLU", (0.0, 0.0))
        with document.macro("Inner"):
            document.connect_nodes("x", "relu")
    assert steps(document) == ["Both"]
    document.undo_stack.undo()
    assert state(document) == before


def test_a_macro_that_fails_leaves_nothing(document):
    before = state(document)
    with pytest.raises(CycleError), document.macro("Both"):
        document.add_node("ReLU", (0.0, 0.0))
        document.connect_nodes("conv2", "conv1")
    assert state(document) == before
    assert not steps(document)
    assert not document.modified


def test_an_inner_macro_that_fails_leaves_the_outer_whole(document):
    with document.macro("Outer"):
        document.add_node("ReLU", (0.0, 0.0))
        with pytest.raises(CycleError), document.macro("Inner"):
            document.add_node("Tanh", (0.0, 0.0))
            document.connect_nodes("conv2", "conv1")
    assert "relu" in document.graph
    assert "tanh" not in document.graph
    assert steps(document) == ["Outer"]


def test_an_empty_macro_is_no_step(document):
    document.rename("conv1", "first")
    document.undo_stack.undo()
    with document.macro("Nothing"):
        pass
    assert not document.modified
    assert document.undo_stack.canRedo(), "what could be redone still can"


# -- what the edits mean --------------------------------------------------------------------------


def test_removing_a_chain_joins_what_stood_on_both_sides(document):
    document.remove(["relu1", "pool1", "conv2"], reconnect=True)
    assert edge_into(document, "relu2").source == "conv1"


def test_a_long_graph_is_arranged_in_rows_that_fill_the_screen(document):
    places = {}
    for aspect in (0.5, 2.0, 50.0):
        document.arrange(aspect)
        places[aspect] = [n.position for n in document.graph]
    across = {a: len({x for x, _ in found}) for a, found in places.items()}
    down = {a: max(y for _, y in p) - min(y for _, y in p) for a, p in places.items()}
    columns = len({x for x, _ in layout(document.graph).values()})
    assert across[0.5] < across[2.0] < across[50.0] == columns
    assert down[0.5] > down[2.0] > down[50.0]


def test_inserting_pushes_what_follows_in_its_row_alone(document):
    document.arrange(20.0)
    before = {n.name: n.position for n in document.graph}
    document.insert_on_edge(edge_into(document, "pool1"), "Dropout")
    after = {n.name: n.position for n in document.graph}
    assert after["relu1"] == before["relu1"]
    assert after["dropout"][0] == before["pool1"][0]
    assert after["pool1"][0] == before["pool1"][0] + 240
    assert after["loss"][0] == before["loss"][0] + 240


def test_a_fix_puts_the_operator_between(document):
    document.remove(["flatten"], reconnect=True)
    problem = document.shapes.problem("fc1")
    assert problem.fix.operator == "Flatten"
    document.apply_fix("fc1")
    assert not document.shapes.problems
    with pytest.raises(GraphError):
        document.apply_fix("fc1")


def test_a_removed_frame_leaves_its_nodes_to_the_outer_one(document):
    outer = document.add_frame(["conv1", "relu1", "pool1"], "Outer")
    inner = document.add_frame(["conv1", "relu1"], "Inner")
    assert document.graph.frames[inner].parent == outer
    document.remove_frame(inner)
    assert document.graph.node("conv1").frame == outer
    document.remove_frame(outer)
    assert not document.graph.frames
    assert document.graph.node("conv1").frame == ""


def test_pasting_names_unknown_operators(document, qtbot):
    text = files.dumps_selection(document.graph, ["conv1", "relu1"]).replace("ReLU", "Zebra")
    with qtbot.waitSignal(document.message) as told:
        assert document.paste(text) == ["conv1_2"]
    assert "Zebra" in told.args[0]


# -- signals and files ----------------------------------------------------------------------------


def test_new_shapes_are_told_once_even_if_somebody_asked_before(document, qtbot):
    QApplication.processEvents()
    told = []
    document.shapes_changed.connect(told.append)
    with qtbot.waitSignal(document.shapes_changed):
        document.set_attributes("conv1", out_channels=5)
        document.shapes.shape("relu1")
        document.set_attributes("conv1", out_channels=4)
    QApplication.processEvents()
    assert len(told) == 1
    assert {"conv1", "relu1", "pool1"} <= told[0]
    assert "target" not in told[0]


def test_a_file_that_cannot_be_read_leaves_the_document(document, tmp_path):
    before = state(document)
    document.rename("conv1", "first")
    damaged = tmp_path / "damaged.graph.json"
    damaged.write_text("{")
    with pytest.raises(FileError):
        document.open(damaged)
    assert "first" in document.graph
    assert document.modified
    document.undo_stack.undo()
    assert state(document) == before


def test_saving_and_opening(document, tmp_path, qtbot):
    with pytest.raises(GradscapeError):
        document.save()
    document.add_note("Kept", (0.0, 0.0))
    path = tmp_path / "net.graph.json"
    document.save(path)
    assert not document.modified
    other = Document()
    with qtbot.waitSignal(other.opened):
        other.open(path)
    assert state(other) == state(document)
    assert other.path == path
    other.new()
    assert len(other.graph) == 0
    assert other.path is None


def test_a_graph_without_places_gets_them(qapp):
    document = Document()
    document.open_graph(parse_expression("J = a*b + c"))
    places = [n.position for n in document.graph]
    assert None not in places
    assert len(set(places)) == len(places)
    assert not document.modified


# -- any edits in any order -----------------------------------------------------------------------


class RandomEdits:
    """Makes one edit after another, some of which are refused."""

    def __init__(self, document, seed):
        self.document, self.rng = document, random.Random(seed)

    def node(self):
        return self.rng.choice(self.document.graph.nodes).name

    def nodes(self):
        names = [n.name for n in self.document.graph]
        return self.rng.sample(names, min(len(names), self.rng.randint(1, 4)))

    def edge(self):
        return self.rng.choice(self.document.graph.edges)

    def place(self):
        return self.rng.randint(-500, 500) * 1.0, self.rng.randint(-500, 500) * 1.0

    def make_one(self):
        d, r = self.document, self.rng
        operators = ["ReLU", "Linear", "Add", "Concat", "Conv2d", "Split", "Constant", "Dropout"]
        edits = [
            lambda: d.add_node(r.choice(operators), self.place()),
            lambda: d.connect_nodes(self.node(), self.node()),
            lambda: d.connect_nodes(self.node(), self.node(), "weight"),
            lambda: d.remove(self.nodes(), reconnect=r.random() < 0.5),
            lambda: d.disconnect_edges([self.edge()]),
            lambda: d.reconnect(self.edge(), Edge(self.node(), "y", self.node(), "x")),
            lambda: d.move_output([self.edge()], self.node(), "y"),
            lambda: d.move({n: self.place() for n in self.nodes()}, nudge=r.random() < 0.5),
            lambda: d.rename(self.node(), f"n{r.randint(0, 30)}"),
            lambda: d.set_attributes(self.node(), out_features=r.randint(-1, 9)),
            lambda: d.set_attributes(self.node(), bias=r.random() < 0.5),
            lambda: d.set_initializer(self.node(), "weight", r.choice(["zeros", "bad", None])),
            lambda: d.set_frozen(self.node(), "weight", r.random() < 0.5),
            lambda: d.set_flag(self.nodes(), r.choice(["bypassed", "pinned"]), r.random() < 0.5),
            lambda: d.insert_on_edge(self.edge(), r.choice(operators)),
            lambda: d.insert_node_on_edge(self.edge(), self.node(), self.place()),
            lambda: d.duplicate(self.nodes(), self.place()),
            lambda: d.add_frame(self.nodes(), "Frame", r.choice(["blue", "green"])),
            lambda: d.remove_frame(r.choice(list(d.graph.frames))),
            lambda: d.set_frame("frame1", Frame("frame1", f"T{r.random()}")),
            lambda: d.add_note("text", self.place()),
            lambda: d.set_note("note1", r.choice([None, Note("note1", f"{r.random()}")])),
            lambda: d.set_training(TrainingSettings(epochs=r.randint(1, 9))),
            lambda: d.arrange(r.choice([0.5, 2.0])),
            self.macro,
        ]  # fmt: skip
        edit = r.choice(edits)
        try:
            edit()
        except (GradscapeError, IndexError):
            return False
        return True

    def macro(self):
        with self.document.macro("Several"):
            self.document.add_node("Tanh", self.place())
            self.document.connect_nodes(self.node(), "tanh")
            self.document.rename(self.node(), "fixed")


@pytest.mark.parametrize("seed", range(12))
def test_undo_and_redo_are_exact_for_any_edits(qapp, seed):
    document = Document()
    document.open_graph(presets.load("mlp"))
    edits, stack = RandomEdits(document, seed), document.undo_stack
    known = {0: state(document)}
    for _ in range(120):
        before = state(document)
        if not edits.make_one():
            assert state(document) == before, "a refused edit left something behind"
        known[stack.index()] = state(document)
        if edits.rng.random() < 0.1 and stack.canUndo():
            stack.undo()
            assert state(document) == known[stack.index()]
    assert stack.count() > 30
    for index in range(stack.index(), 0, -1):
        assert state(document) == known[index]
        stack.undo()
    assert state(document) == known[0]
    for index in range(1, stack.count() + 1):
        stack.redo()
        assert state(document) == known[index]
