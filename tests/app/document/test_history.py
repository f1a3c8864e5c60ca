"""Five hundred random edits: every step back and forth gives the same graph, canvas and file."""

from __future__ import annotations

import random

import pytest

from app.canvas import Canvas
from app.document.document import Document
from graphcore import files, presets
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Frame
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers

EDITS = 500
OPERATORS = ("ReLU", "Linear", "Add", "Dropout", "Concat", "MSELoss", "Parameter", "Conv2d")


def any_node(rng: random.Random, document: Document) -> str:
    return rng.choice(sorted(n.name for n in document.graph))


def some_nodes(rng: random.Random, document: Document) -> list[str]:
    names = sorted(n.name for n in document.graph)
    return rng.sample(names, min(len(names), rng.randint(1, 4)))


def add(rng, d):
    d.add_node(rng.choice(OPERATORS), (rng.randint(0, 900), rng.randint(0, 900)))


def connect(rng, d):
    d.connect_nodes(any_node(rng, d), any_node(rng, d))


def remove(rng, d):
    d.remove(some_nodes(rng, d)[:2], reconnect=rng.random() < 0.5)


def rename(rng, d):
    d.rename(any_node(rng, d), f"node_{rng.randint(0, 999)}")


def move(rng, d):
    d.move({n: (rng.randint(0, 900), rng.randint(0, 900)) for n in some_nodes(rng, d)},
           nudge=rng.random() < 0.5)  # fmt: skip


def attribute(rng, d):
    name = any_node(rng, d)
    numbers = [a.name for a in d.graph.node(name).op.attrs if isinstance(a.default, float)]
    d.set_attributes(name, **{rng.choice(numbers or ["out_features"]): rng.randint(1, 9) / 10})


def parameter(rng, d):
    name = any_node(rng, d)
    which = rng.choice(d.graph.node(name).parameter_inputs or ("weight",))
    if rng.random() < 0.5:
        d.set_frozen(name, which, rng.random() < 0.5)
    else:
        d.set_initializer(name, which, rng.choice(["zeros", "normal", None]))


def flag(rng, d):
    d.set_flag(some_nodes(rng, d), rng.choice(["pinned", "bypassed"]), rng.random() < 0.5)


def annotate(rng, d):
    if rng.random() < 0.5:
        d.add_frame(some_nodes(rng, d), "Block")
    elif d.graph.frames:
        name = rng.choice(sorted(d.graph.frames))
        d.set_frame(name, Frame(name, "Other", "green"))
    else:
        d.add_note("Text", (rng.randint(0, 99), 0.0))


def reframe(rng, d):
    d.put_in_frame(some_nodes(rng, d), rng.choice(sorted(d.graph.frames)))


def unframe(rng, d):
    d.remove_frame(rng.choice(sorted(d.graph.frames) or ["none"]))


def whole(rng, d):
    rng.choice(
        [d.arrange, lambda: d.duplicate(some_nodes(rng, d)),
         lambda: d.add_graph(parse_layers("4-3-relu-2"), (0, 0), "Net"),
         lambda: d.align(some_nodes(rng, d), "left"),
         lambda: d.distribute(some_nodes(rng, d), "y")]
    )()  # fmt: skip


def disconnect(rng, d):
    d.disconnect_edges([rng.choice(d.graph.edges)])


def insert(rng, d):
    d.insert_on_edge(rng.choice(d.graph.edges), rng.choice(("ReLU", "Dropout")))


def composite(rng, d):
    blocks = [n.name for n in d.graph if n.subgraph is not None]
    choice = rng.random()
    if choice < 0.4:
        d.group(some_nodes(rng, d))
    elif choice < 0.7 and len(d.levels) > 1:
        d.leave()
    elif blocks and choice < 0.9:
        d.enter(rng.choice(blocks))
    elif blocks:
        d.ungroup(rng.choice(blocks))


EDITING = (add, connect, connect, remove, rename, move, attribute, parameter, flag, annotate,
           reframe, unframe, whole, disconnect, insert, composite, composite)  # fmt: skip


def shown(canvas: Canvas) -> tuple[object, ...]:
    """What the canvas holds, to be compared with the graph it is to show."""
    scene = canvas.graph_scene
    return (
        {n: (i.pos().x(), i.pos().y()) for n, i in scene.nodes.items()},
        set(scene.edges),
        set(scene.frames.notes),
        {name: item.frame for name, item in scene.frames.frames.items()},
    )


def assert_edges_end_at_their_ports(canvas: Canvas) -> None:
    scene = canvas.graph_scene
    for edge, item in scene.edges.items():
        assert item.start == scene.port_position(edge.source, "output", edge.output)
        assert item.end == scene.port_position(edge.target, "input", edge.input)


def wanted(graph: Graph) -> tuple[object, ...]:
    return (
        {n.name: n.position for n in graph}, set(graph.edges), set(graph.notes), graph.frames,
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_edit_is_undone_and_redone_to_the_same_bytes(document, qtbot, seed: int) -> None:
    canvas = Canvas(document)
    canvas.show()
    rng = random.Random(seed)
    stack = document.undo_stack
    document.open_graph(presets.load("mlp"))
    history = [files.dumps(document.root)]
    kinds = set()
    while len(history) <= EDITS:
        edit = rng.choice(EDITING)
        before = files.dumps(document.root)
        try:
            edit(rng, document)
        except (GradscapeError, IndexError):
            assert files.dumps(document.root) == before
            continue
        after = files.dumps(document.root)
        if after != before:
            kinds.add(edit.__name__)
        history[stack.index() :] = [after]
    assert len(kinds) >= 12
    for step in reversed(range(stack.index())):
        stack.undo()
        assert files.dumps(document.root) == history[step]
        assert shown(canvas) == wanted(document.graph)
        assert_edges_end_at_their_ports(canvas)
    for step in range(1, len(history)):
        stack.redo()
        assert files.dumps(document.root) == history[step]
        assert shown(canvas) == wanted(document.graph)
        assert_edges_end_at_their_ports(canvas)
    canvas.hide()
