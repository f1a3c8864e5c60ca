"""Famous nets: as many parameters as published, and the names that state dicts have."""

from __future__ import annotations

import pytest

from graphcore import presets
from graphcore.graph.counts import counts
from graphcore.graph.famous import NETS
from graphcore.graph.shapes import ShapeInference

PUBLISHED = {
    "alexnet": 61_100_840, "zfnet": 62_357_608, "vgg16": 138_357_544, "vgg19": 143_667_240,
    "googlenet": 6_624_904, "googlenet-training": 13_004_888, "resnet18": 11_689_512,
    "resnet50": 25_557_032, "resnet152": 60_192_808, "mobilenet_v2": 3_504_872,
    "vit_b_16": 86_567_656, "gpt2": 124_439_808,
}  # fmt: skip
"""By torchvision and the GPT-2 paper's code; of ZFNet by the sizes in its figure 3."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_famous_net_has_the_parameters_that_were_published(name: str) -> None:
    graph = presets.load(name)
    shapes = ShapeInference(graph)
    assert not shapes.problems
    assert counts(graph, shapes).parameters == PUBLISHED[name]


def test_every_net_made_by_rule_is_in_the_gallery() -> None:
    famous = {name for name in presets.names() if "famous" in presets.groups(name)}
    assert famous == set(NETS) == set(PUBLISHED)
    assert not famous & set(presets.small())
