"""Weights of nodes that have another name now."""

import pytest

from graphcore.training.transfer.renames import Renames, under_new_names


@pytest.mark.parametrize(
    ("pairs", "former"),
    [
        ([("a", "b")], {"b": "a", "a": None, "c": "c", "b/in": "a/in"}),
        ([("a", "b"), ("b", "c")], {"c": "a", "b": None, "a": None}),
        ([("a", "b"), ("b", "a")], {"a": "a", "c": "c"}),
        ([("a", "x"), ("b", "a"), ("x", "b")], {"a": "b", "b": "a", "x": None}),
        ([("block", "part"), ("part/fc", "part/head")], {"part/head": "block/fc"}),
        ([("block/fc", "block/head"), ("block", "part")], {"part/head": "block/fc"}),
    ],
)
def test_renames_lead_back_to_the_names_of_before(pairs, former) -> None:
    renames = Renames(pairs)
    assert {name: renames.former(name) for name in former} == former


def test_tensors_follow_their_nodes() -> None:
    tensors = {"a.weight": 1, "ab.weight": 2, "block/a.weight": 3}
    named = under_new_names(tensors, [("a", "b"), ("block", "part"), ("part/a", "part/c")])
    assert named == {"b.weight": 1, "ab.weight": 2, "part/c.weight": 3}
