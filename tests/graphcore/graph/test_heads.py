"""A fresh head in place of the last layer, and what is frozen up to a layer."""

from __future__ import annotations

import pytest

import graphcore as gc
from graphcore import presets
from graphcore.errors import GraphError
from graphcore.graph import freezing, heads
from graphcore.graph.counts import counts
from graphcore.graph.shapes import ShapeInference


@pytest.mark.parametrize(
    ("name", "old", "fresh", "learns"),
    [
        ("lenet5", "logits", "head", 84 * 5 + 5),
        ("mobilenet_v2", "classifier/_1", "classifier/head", 1280 * 5 + 5),
        ("vit_b_16", "heads/head", "heads/head_2", 768 * 5 + 5),
        ("gpt2", "lm_head", "head", 768 * 5),
    ],
)
def test_a_head_is_replaced_by_a_fresh_one_that_alone_learns(
    name: str, old: str, fresh: str, learns: int
) -> None:
    graph = presets.load(name)
    assert heads.find_head(graph) == old
    made = heads.replace_head(graph, 5)
    shapes = ShapeInference(made)
    assert not shapes.problems
    assert heads.find_head(made) == fresh
    found = counts(made, shapes)
    assert found.parameters - found.frozen == learns
    assert made.training.dataset_options.get("classes", 5) == 5, "the data that stand in follow"
    assert heads.find_head(graph) == old, "the graph that was given stays as it is"


def test_a_third_head_has_not_the_name_of_the_first() -> None:
    graph, names = presets.load("mlp"), []
    for classes in (5, 3, 5):
        graph = heads.replace_head(graph, classes)
        names.append(heads.find_head(graph))
    assert names == ["head", "head_2", "head_3"]


def test_a_net_without_classes_has_no_head() -> None:
    with pytest.raises(GraphError, match="no head"):
        heads.find_head(presets.load("expression"))
    with pytest.raises(GraphError, match="does not tell classes apart"):
        heads.replace_head(presets.load("house-prices"), 3)
    with pytest.raises(GraphError, match="at least one class"):
        heads.replace_head(presets.load("mlp"), 0)


def test_what_lies_before_a_node_is_frozen_in_every_level() -> None:
    graph = presets.load("resnet18")
    levels, name = freezing.levels_to(graph, "layer2/_0")
    before = freezing.along(levels, [name], onward=False)
    freezing.set_all(freezing.to_change(before, frozen=True), frozen=True)
    shares = {n.name: freezing.share(graph, n) for n in graph if n.name in (
        "conv1", "relu", "layer1", "layer2", "layer3", "fc")}  # fmt: skip
    assert shares == {
        "conv1": "all", "relu": "", "layer1": "all", "layer2": "some", "layer3": "", "fc": "",
    }  # fmt: skip
    with pytest.raises(GraphError, match="nothing inside conv1"):
        freezing.levels_to(graph, "conv1/weight")
    after = freezing.along([("", graph)], ["layer1"], onward=True)
    freezing.set_all(freezing.to_change(after, frozen=False), frozen=False)
    assert [n.name for n in graph if freezing.share(graph, n)] == ["conv1", "bn1"]


def test_a_rate_belongs_to_the_innermost_name_and_follows_it() -> None:
    settings = gc.TrainingSettings(rates={"a": 0.1, "a/b": 0.5})
    assert [settings.rate_at(p) for p in ("a", "a/c", "a/b/d", "ab")] == [0.1, 0.1, 0.5, 1.0]
    assert settings.renamed("a", "x").rates == {"x": 0.1, "x/b": 0.5}
