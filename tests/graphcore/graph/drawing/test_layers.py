"""Automatic layout: no overlaps, left to right, straight chains, pinned nodes stay."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcore as gc
from graphcore import presets
from graphcore.graph.drawing.layers import NODE_SIZE, layout


def random_graph(seed: int, size: int) -> gc.Graph:
    rng = random.Random(seed)
    g = gc.Graph()
    for i in range(size):
        g.add("Concat", name=f"n{i}")
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            if i:
                g.connect(f"n{rng.randrange(max(0, i - rng.choice((2, 50))), i)}", f"n{i}")
    return g


def boxes(
    found: dict[str, tuple[float, float]], sizes: dict[str, tuple[float, float]]
) -> list[tuple[float, float, float, float]]:
    return sorted((x, y, *sizes.get(n, NODE_SIZE)) for n, (x, y) in found.items())


def overlaps(rectangles: list[tuple[float, float, float, float]]) -> list[tuple[object, object]]:
    return [
        (a, b)
        for i, a in enumerate(rectangles)
        for b in rectangles[i + 1 :]
        if a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
    ]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 60), st.booleans())
def test_nothing_overlaps_and_edges_go_left_to_right(seed: int, size: int, mixed: bool) -> None:
    g = random_graph(seed, size)
    rng = random.Random(seed)
    sizes = {n.name: (rng.uniform(40, 400), rng.uniform(20, 300)) for n in g} if mixed else {}
    found = layout(g, sizes)
    assert found.keys() == {n.name for n in g}
    assert not overlaps(boxes(found, sizes))
    for edge in g.edges:
        width = sizes.get(edge.source, NODE_SIZE)[0]
        assert found[edge.source][0] + width < found[edge.target][0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 6))
def test_pinned_nodes_stay_and_the_rest_keeps_clear(seed: int, size: int, pins: int) -> None:
    g = random_graph(seed, size)
    rng = random.Random(seed)
    fixed = {}
    for i, name in enumerate(rng.sample([n.name for n in g], min(pins, size))):
        fixed[name] = (rng.uniform(-300, 900), i * 200.0)
        g.update(name, position=fixed[name], pinned=True)
    found = layout(g)
    assert found.keys() == {n.name for n in g}
    assert {n: found[n] for n in fixed} == fixed
    assert not overlaps(boxes(found, {}))


def test_a_chain_is_straight_and_its_target_sits_at_the_loss() -> None:
    g = presets.load("lenet5")
    found = layout(g)
    chain = [n.name for n in g if n.operator != "Target"]
    assert len({found[n][1] for n in chain}) == 1
    assert found["target"][0] == found["logits"][0]
    assert abs(found["target"][1] - found["loss"][1]) == NODE_SIZE[1] + 40


def test_a_skip_runs_straight_beside_what_it_skips() -> None:
    found = layout(presets.load("resnet8"))
    assert found["relu"][1] == found["add1"][1] != found["conv1a"][1]


def test_the_same_graph_gives_the_same_layout() -> None:
    g = random_graph(3, 50)
    assert layout(g) == layout(g)


def test_small_graphs() -> None:
    g = gc.Graph()
    assert layout(g) == {}
    g.add("Exp", name="a")
    assert layout(g) == {"a": (0.0, 0.0)}


def test_a_pinned_node_without_a_place_is_laid_out() -> None:
    g = gc.Graph()
    g.add("Exp", name="a")
    g.update("a", pinned=True)
    assert layout(g) == {"a": (0.0, 0.0)}


@pytest.mark.parametrize("steps", range(4))
def test_cancelling_gives_nothing(steps: int) -> None:
    calls = iter(range(100))
    assert layout(random_graph(1, 30), cancelled=lambda: next(calls) >= steps) == {}


def test_long_edges_across_a_deep_net_do_not_explode() -> None:
    """Every node of a deep chain also feeds the end: a million dummies if all were drawn."""
    g = gc.Graph()
    g.add("Exp", name="n0")
    for i in range(1, 1500):
        g.add("Exp", name=f"n{i}")
        g.connect(f"n{i - 1}", f"n{i}")
    g.add("Concat", name="end")
    for i in range(1500):
        g.connect(f"n{i}", "end", input=f"x{i}")
    assert len(layout(g)) == 1501
