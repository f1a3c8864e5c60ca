"""Folding: a chain becomes rows that fill the screen, and nothing overlaps or is lost."""

import itertools

import pytest

from graphcore import presets
from graphcore.graph.drawing.layers import NODE_SIZE, layout
from graphcore.graph.drawing.rows import fold
from graphcore.graph.layer_list import parse_layers


def size(places):
    xs, ys = zip(*places.values(), strict=True)
    return max(xs) - min(xs) + NODE_SIZE[0], max(ys) - min(ys) + NODE_SIZE[1]


def overlap(a, b):
    return abs(a[0] - b[0]) < NODE_SIZE[0] and abs(a[1] - b[1]) < NODE_SIZE[1]


@pytest.mark.parametrize("name", presets.small())
@pytest.mark.parametrize("aspect", [0.8, 1.8, 3.0])
def test_no_node_is_lost_or_covered(name, aspect):
    graph = presets.load(name)
    places = layout(graph)
    folded = fold(graph, places, aspect)
    assert folded.keys() == places.keys()
    assert not [p for p in itertools.combinations(folded.values(), 2) if overlap(*p)]
    before, after = size(places), size(folded)
    assert min(aspect / after[0], 1 / after[1]) >= min(aspect / before[0], 1 / before[1])


def test_lenet5_fits_a_screen_in_three_rows():
    graph = presets.load("lenet5")
    width, height = size(fold(graph, layout(graph), 1.8))
    assert (width, height) == (5 * 180 + 4 * 60, 680)


def test_a_short_chain_stays_in_one_row():
    graph = presets.load("xor")
    places = layout(graph)
    assert fold(graph, places, 1.8) == places


def test_rows_end_where_one_value_crosses():
    graph = presets.load("resnet8")
    folded = fold(graph, layout(graph), 1.8)
    back = {(e.source, e.output) for e in graph.edges if folded[e.source][0] > folded[e.target][0]}
    assert len(back) == 2, "three rows, and no skip edge is cut"


def test_a_very_long_chain_is_folded_too():
    graph = parse_layers("8" + "-8" * 1500)
    folded = fold(graph, layout(graph), 1.8)
    assert len(set(folded.values())) == len(graph)
