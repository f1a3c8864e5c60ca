"""Graph files: everything comes back, damage gives a sentence, a failed write loses nothing."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcore as gc
from graphcore.errors import FileError
from graphcore.files import dumps, graph_file, loads

HERE = Path(__file__).parent
SAVED_V1 = HERE / "saved_v1.graph.json"


def block() -> gc.Graph:
    """A sub-graph whose ports are not in the order of their names."""
    inner = gc.Graph()
    for name in ("z_in", "a_in"):
        inner.add("Input", name=name, shape=(4,))
    inner.add("Add", name="add")
    inner.add("Output", name="out")
    inner.connect("z_in", "add")
    inner.connect("a_in", "add")
    inner.connect("add", "out")
    return inner


def everything() -> gc.Graph:
    """A graph that uses all there is to save."""
    g = gc.Graph()
    x = g.add("Input", name="x", shape=(1, 28, 28))
    g.add("Conv2d", name="conv", out_channels=8, kernel_size=(5, 3), padding=2)
    g.add("Flatten", name="flat")
    g.add("Linear", name="fc", out_features=4)
    g.insert(gc.Node("block", "Composite", {"title": ""}, subgraph=block()))
    g.add("Constant", name="mask", value=[[0.0, float("-inf")], [float("nan"), 0.1]])
    g.add("MSELoss", name="loss")
    g.add("Target", name="t")
    g.connect(x, "conv")
    g.connect("conv", "flat")
    g.connect("flat", "fc")
    g.connect("fc", "block")
    g.connect("fc", "block")
    g.connect("block", "loss")
    g.connect("t", "loss")
    g.update("conv", position=(120.5, -40.0), frame="inner", pinned=True)
    g.update("fc", bypassed=True)
    g.set_initializer("conv", "weight", "normal(0, 0.01)")
    g.set_frozen("conv", "bias", True)
    g.set_frame("outer", gc.Frame("outer", "Trunk", "green"))
    g.set_frame("inner", gc.Frame("inner", "Convolutions «α»", parent="outer"))
    g.set_note("hint", gc.Note("hint", "Look\nhere", (1.0, 2.5), (300.0, 50.0)))
    g.set_training(
        gc.TrainingSettings(
            dataset="circle", dataset_options={"noise": 0.1}, lr=0.03, clip_norm=1.0, seed=7
        )
    )
    return g


def assert_same(a: gc.Graph, b: gc.Graph) -> None:
    assert {n.name for n in a.nodes} == {n.name for n in b.nodes}
    assert set(a.edges) == set(b.edges)
    assert (a.frames, a.notes, a.training) == (b.frames, b.notes, b.training)
    for mine in a.nodes:
        theirs = b.node(mine.name)
        for field in ("operator", "position", "frame", "pinned", "bypassed", "initializers"):
            assert getattr(mine, field) == getattr(theirs, field), (mine.name, field)
        assert repr(mine.attributes) == repr(theirs.attributes)
        assert mine.frozen == theirs.frozen
        assert (mine.subgraph is None) == (theirs.subgraph is None)
        if mine.subgraph is not None and theirs.subgraph is not None:
            assert_same(mine.subgraph, theirs.subgraph)


def test_everything_comes_back(tmp_path: Path) -> None:
    g = everything()
    path = tmp_path / "net.graph.json"
    gc.save(g, path)
    back = gc.load(str(path))
    assert_same(g, back)
    assert back.data_inputs("block") == ("z_in", "a_in")
    assert dumps(back) == path.read_bytes()


def test_every_operator_comes_back() -> None:
    g = gc.Graph()
    for op in gc.ops.all_operators():
        case = next(iter(op.cases()), None)
        given = dict(case.attributes) if case else {}
        for attr in op.attrs:
            if attr.required and attr.name not in given:
                given[attr.name] = {"text": "x", "float": 1.0, "int": 1}.get(attr.kind or "", (1,))
        g.add(op.name, **given)
    assert_same(g, loads(dumps(g)))


def test_saved_file_of_version_1_is_read() -> None:
    assert_same(gc.load(SAVED_V1), everything())


def test_the_text_does_not_depend_on_the_order_of_building() -> None:
    def build(names: tuple[str, ...]) -> gc.Graph:
        g = gc.Graph()
        for name in names:
            g.add("Exp", name=name)
        g.connect("b", "a")
        g.connect("b", "c")
        return g

    assert dumps(build(("a", "b", "c"))) == dumps(build(("c", "b", "a")))


def test_a_moved_node_changes_one_line() -> None:
    g = everything()
    before = dumps(g).decode().splitlines()
    g.update("conv", position=(7.0, 8.0))
    after = dumps(g).decode().splitlines()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_defaults_are_left_out() -> None:
    g = gc.Graph()
    g.add("Conv2d", name="c", out_channels=3, kernel_size=5)
    assert json.loads(dumps(g)) == {
        "format_version": 1,
        "nodes": [
            {"name": "c", "operator": "Conv2d", "attributes": {"out_channels": 3, "kernel_size": 5}}
        ],
    }


def test_strange_text_is_no_reason_not_to_save() -> None:
    g = gc.Graph()
    g.set_note("n", gc.Note("n", "half a pair: \ud800 \x00 😀"))
    assert "😀" in loads(dumps(g)).notes["n"].text


def file_with(**content: object) -> bytes:
    return json.dumps({"format_version": 1, **content}).encode()


def node(name: str = "a", operator: str = "Exp", **more: object) -> dict[str, object]:
    return {"name": name, "operator": operator, **more}


BAD = {
    "empty": (b"  \n", "empty"),
    "truncated": (b'{"format_version": 1, "nodes": [', "ends too early"),
    "not JSON": (b'{"format_version": 1,\n nodes: []}', "line 2"),
    "not UTF-8": (b'{"format_version": 1, "x": "\xff\xfe"}', "UTF-8"),
    "NaN": (b'{"format_version": 1, "nodes": NaN}', "not valid JSON"),
    "Infinity": (b'{"format_version": 1, "nodes": [Infinity]}', "not valid JSON"),
    "number too large": (b'{"format_version": 1, "x": 1e999}', "not valid JSON"),
    "deep": (b"[" * 200_000, "deep"),
    "deep attribute": (
        b'{"format_version": 1, "nodes": [{"name": "a", "operator": "Constant", '
        b'"attributes": {"value": ' + b"[" * 900 + b"1" + b"]" * 900 + b"}}]}",
        "deep",
    ),
    "a list": (b"[1, 2]", "not a graph file"),
    "no version": (b"{}", "format_version"),
    "version is text": (b'{"format_version": "1"}', "format_version"),
    "version 0": (b'{"format_version": 0}', "format_version"),
    "later version": (b'{"format_version": 99}', "later version"),
    "unknown field": (file_with(colour=1), "colour"),
    "unknown field of a node": (file_with(nodes=[node(colour=1)]), "nodes[0]"),
    "name is a number": (file_with(nodes=[node(name=3)]), "nodes[0].name"),  # type: ignore[arg-type]
    "bad name": (file_with(nodes=[node(name="1a")]), "1a"),
    "duplicate name": (file_with(nodes=[node(), node()]), "'a'"),
    "unknown operators": (
        file_with(nodes=[node("a", "Warp"), node("b", "Flux"), node("c")]),
        "Flux, Warp",
    ),
    "unknown attribute": (file_with(nodes=[node(attributes={"q": 1})]), "Node a"),
    "bad attribute": (
        file_with(nodes=[node("a", "Linear", attributes={"out_features": "ten"})]),
        "Node a: Linear: out_features takes a whole number, got 'ten'",
    ),
    "missing attribute": (file_with(nodes=[node("a", "Linear")]), "out_features"),
    "bad position": (file_with(nodes=[node(position=[1])]), "position"),
    "edge to nowhere": (file_with(nodes=[node()], edges=["a.y -> b.x"]), "'b'"),
    "no such input": (file_with(nodes=[node(), node("b")], edges=["a.y -> b.q"]), "'q'"),
    "no such output": (file_with(nodes=[node(), node("b")], edges=["a.q -> b.x"]), "'q'"),
    "two edges into one input": (
        file_with(nodes=[node(), node("b"), node("c")], edges=["a.y -> c.x", "b.y -> c.x"]),
        "two edges",
    ),
    "an edge that is no edge": (file_with(edges=["a to b"]), "a to b"),
    "cycle": (
        file_with(nodes=[node(), node("b")], edges=["a.y -> b.x", "b.y -> a.x"]),
        "cycle",
    ),
    "initializer of nothing": (file_with(nodes=[node(initializers={"weight": "ones"})]), "weight"),
    "bad initializer": (
        file_with(
            nodes=[
                node(
                    "a",
                    "Linear",
                    attributes={"out_features": 1},
                    initializers={"weight": "open('x')"},
                )
            ]
        ),
        "open",
    ),
    "frozen nothing": (file_with(nodes=[node(frozen=["w"])]), "'w'"),
    "sub-graph in an operator": (file_with(nodes=[node(subgraph={})]), "Composite"),
    "two frames": (file_with(frames=[{"name": "f", "title": ""}] * 2), "two frames"),
    "frame in itself": (file_with(frames=[{"name": "f", "title": "", "parent": "f"}]), "itself"),
    "two notes": (file_with(notes=[{"name": "n", "text": ""}] * 2), "two notes"),
    "bad training": (file_with(training={"epochs": "many"}), "epochs"),
    "unknown training": (file_with(training={"speed": 3}), "speed"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_gives_one_sentence(tmp_path: Path, what: str) -> None:
    data, expected = BAD[what]
    path = tmp_path / "net.graph.json"
    path.write_bytes(data)
    with pytest.raises(FileError) as caught:
        gc.load(path)
    message = str(caught.value)
    assert message.startswith("net.graph.json: ")
    assert expected in message
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no file"):
        gc.load(tmp_path / "missing.graph.json")
    with pytest.raises(FileError, match="is a folder"):
        gc.load(tmp_path)
    with pytest.raises(FileError, match="no file"):
        gc.load("a\0b")


def test_a_byte_order_mark_is_ignored() -> None:
    assert_same(loads(b"\xef\xbb\xbf" + dumps(everything())), everything())


VALID = dumps(everything())


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_random_damage_gives_a_file_error_or_a_graph(data: st.DataObject) -> None:
    damaged = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(damaged) - 1))
        length = data.draw(st.integers(0, 12))
        damaged[start : start + length] = data.draw(st.binary(max_size=6))
    with contextlib.suppress(FileError):
        loads(bytes(damaged))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_gives_a_file_error_or_a_graph(data: st.DataObject) -> None:
    content = json.loads(VALID)
    place = content
    while isinstance(place, dict | list) and place:
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
        )
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    with contextlib.suppress(FileError):
        loads(json.dumps(content).encode())


def test_a_deep_nest_of_composites_is_read_or_refused() -> None:
    inner: dict[str, object] = {}
    for _ in range(300):
        inner = {"nodes": [node("c", "Composite", subgraph=inner)]}
    with pytest.raises(FileError, match="nested"):
        loads(json.dumps({"format_version": 1, **inner}).encode())


def test_migrations_are_applied_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(content: dict[str, object]) -> dict[str, object]:
        content["nodes"] = content.pop("layers")
        return content

    monkeypatch.setattr(graph_file, "FORMAT_VERSION", 3)
    monkeypatch.setitem(graph_file.MIGRATIONS, 1, rename)
    monkeypatch.setitem(graph_file.MIGRATIONS, 2, lambda c: {**c, "edges": ["a.y -> b.x"]})
    old = json.dumps({"format_version": 1, "layers": [node(), node("b")]}).encode()
    assert len(loads(old).edges) == 1


# -- writing ---------------------------------------------------------------------------------------


def test_permissions_are_kept_and_links_followed(tmp_path: Path) -> None:
    target = tmp_path / "net.graph.json"
    gc.save(gc.Graph(), target)
    target.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(target)
    gc.save(everything(), link)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert_same(gc.load(target), everything())


def test_a_new_file_gets_ordinary_permissions(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    gc.save(gc.Graph(), tmp_path / "net.graph.json")
    assert (tmp_path / "net.graph.json").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "net.graph.json"
    gc.save(everything(), path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(FileError, match=r"net\.graph\.json cannot be written: no space left"):
        gc.save(gc.Graph(), path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["net.graph.json"]


def test_a_real_full_disk_leaves_the_old_file_whole(tmp_path: Path) -> None:
    """A file-size limit makes the kernel itself refuse the write half-way."""
    resource = pytest.importorskip("resource")
    import signal

    path = tmp_path / "net.graph.json"
    gc.save(gc.Graph(), path)
    before = path.read_bytes()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, old[1]))
        with pytest.raises(FileError, match="cannot be written"):
            gc.save(everything(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["net.graph.json"]


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is a folder"):
        gc.save(gc.Graph(), tmp_path)
    with pytest.raises(FileError, match="no folder"):
        gc.save(gc.Graph(), tmp_path / "missing" / "net.graph.json")
    with pytest.raises(FileError, match="too long"):
        gc.save(gc.Graph(), tmp_path / ("n" * 300))


def test_a_graph_that_cannot_be_written_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "net.graph.json"
    gc.save(everything(), path)
    before = path.read_bytes()
    g = everything()
    g.set_training(gc.TrainingSettings(lr=float("nan")))
    with pytest.raises(FileError):
        gc.save(g, path)
    assert path.read_bytes() == before


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "net.graph.json"
    gc.save(everything(), path)
    done = threading.Event()

    def write() -> None:
        for _ in range(30):
            gc.save(everything(), path)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert len(gc.load(path)) == len(everything())
    writer.join()
