"""Copy and paste as text: what is inside comes along, names and unknown operators are told."""

from __future__ import annotations

import json

import pytest

import graphcore as gc
from graphcore.errors import FileError, UnknownNodeError
from graphcore.files import dumps_selection, paste


def chain() -> gc.Graph:
    g = gc.Graph()
    g.add("Input", name="x", shape=(4,))
    g.add("Linear", name="fc", out_features=3)
    g.add("ReLU", name="act")
    g.add("Mul", name="square")
    for a, b in (("x", "fc"), ("fc", "act"), ("act", "square"), ("act", "square")):
        g.connect(a, b)
    for i, node in enumerate(g.nodes):
        g.update(node, position=(100.0 * i, 10.0 * i))
    g.set_initializer("fc", "weight", "zeros")
    g.set_frozen("fc", "bias", True)
    return g


def test_pasting_into_the_same_graph_gives_new_names() -> None:
    g = chain()
    pasted = paste(g, dumps_selection(g, ["fc", "act", "square"]))
    assert pasted.renamed == {"fc": "fc_2", "act": "act_2", "square": "square_2"}
    assert len(g) == 4
    pasted.add_to(g)
    assert {(e.source, e.target, e.input) for e in pasted.edges} == {
        ("fc_2", "act_2", "x"), ("act_2", "square_2", "a"), ("act_2", "square_2", "b"),
    }  # fmt: skip
    fc = g.node("fc_2")
    assert (fc.initializers, fc.frozen) == ({"weight": "zeros"}, frozenset({"bias"}))
    assert fc.position == (140.0, 50.0)
    assert paste(g, dumps_selection(g, ["fc_2"])).renamed == {"fc_2": "fc_3"}


def test_pasting_at_a_point_keeps_the_arrangement() -> None:
    g = chain()
    pasted = paste(gc.Graph(), dumps_selection(g, ["act", "square"]), at=(5.0, 7.0))
    assert [n.position for n in pasted.nodes] == [(5.0, 7.0), (105.0, 17.0)]
    assert pasted.renamed == {}


def test_names_never_meet() -> None:
    """a_2 is free in the graph but taken by the text itself."""
    g = gc.Graph()
    g.add("Exp", name="a")
    other = gc.Graph()
    for name in ("a", "a_2", "a_3"):
        other.add("Exp", name=name)
    other.connect("a", "a_2")
    pasted = paste(g, dumps_selection(other, ["a", "a_2", "a_3"]))
    pasted.add_to(g)
    assert len(g) == 4
    assert pasted.renamed == {"a": "a_4"}
    assert [(e.source, e.target) for e in pasted.edges] == [("a_4", "a_2")]


def test_unknown_operators_are_named_and_left_out() -> None:
    content = json.loads(dumps_selection(chain(), ["fc", "act", "square"]))
    content["nodes"][0]["operator"] = "Warp"
    assert content["nodes"][0]["name"] == "act"
    pasted = paste(gc.Graph(), json.dumps(content))
    assert pasted.unknown_operators == ("Warp",)
    assert [n.name for n in pasted.nodes] == ["fc", "square"]
    assert pasted.edges == ()


def test_a_composite_with_an_unknown_operator_inside_is_left_out() -> None:
    inside = {"nodes": [{"name": "w", "operator": "Warp"}]}
    nodes = [{"name": "c", "operator": "Composite", "subgraph": inside}]
    pasted = paste(gc.Graph(), json.dumps({"format_version": 1, "nodes": nodes}))
    assert (pasted.nodes, pasted.unknown_operators) == ((), ("Warp",))


def test_a_copied_composite_is_independent() -> None:
    g = gc.Graph()
    inner = gc.Graph()
    inner.add("Input", name="x", shape=(1,))
    g.insert(gc.Node("c", "Composite", subgraph=inner))
    twin = paste(g, dumps_selection(g, ["c"])).nodes[0]
    assert twin.subgraph is not None
    twin.subgraph.add("Exp")
    assert len(inner) == 1


def test_only_whole_frames_and_chosen_notes_are_copied() -> None:
    g = chain()
    g.set_frame("outer", gc.Frame("outer", "Outer"))
    g.set_frame("inner", gc.Frame("inner", "Inner", parent="outer"))
    g.update("fc", frame="inner")
    g.update("act", frame="inner")
    g.update("square", frame="outer")
    g.set_note("n", gc.Note("n", "text", (1.0, 1.0)))
    pasted = paste(g, dumps_selection(g, ["fc", "act"], notes=["n"]))
    assert [(f.name, f.title, f.parent) for f in pasted.frames] == [("inner_2", "Inner", "")]
    assert {n.frame for n in pasted.nodes} == {"inner_2"}
    assert [(n.name, n.position) for n in pasted.notes] == [("n_2", (41.0, 41.0))]
    part = paste(g, dumps_selection(g, ["fc"]))
    assert part.frames == ()
    assert part.nodes[0].frame == ""


@pytest.mark.parametrize(
    "text", ["", "hello", "{}", '{"format_version": 1, "edges": ["a"]}', "[" * 9999]
)
def test_other_text_is_refused_in_one_sentence(text: str) -> None:
    g = chain()
    with pytest.raises(FileError, match="The clipboard holds no nodes"):
        paste(g, text)
    assert len(g) == 4


def test_copying_what_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownNodeError):
        dumps_selection(chain(), ["nope"])
