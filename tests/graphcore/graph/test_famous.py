"""Famous nets: as many parameters as published, and the names that state dicts have."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

import graphcore as gc
from graphcore import presets
from graphcore.errors import DataError
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
    assert len(graph) <= 35, "composites are closed at first"
    assert all(node.position for node in graph)
    assert counts(graph, shapes).parameters == PUBLISHED[name]


def test_every_net_made_by_rule_is_in_the_gallery() -> None:
    famous = {name for name in presets.names() if "famous" in presets.groups(name)}
    assert famous == set(NETS) == set(PUBLISHED)
    assert not famous & set(presets.small())


NAMES = {
    "alexnet": ("features.0.weight", "classifier.6.bias"),
    "vgg16": ("features.28.weight", "classifier.6.weight"),
    "googlenet": ("conv1.conv.weight", "inception4e.branch2.1.bn.running_var", "fc.bias"),
    "resnet18": ("bn1.running_mean", "layer2.0.downsample.0.weight", "layer4.1.conv2.weight"),
    "resnet152": ("layer3.35.conv3.weight", "layer4.0.downsample.1.running_var", "fc.weight"),
    "mobilenet_v2": ("features.0.0.weight", "features.1.conv.1.weight",
                     "features.17.conv.1.0.weight", "features.18.1.bias", "classifier.1.bias"),
    "vit_b_16": ("class_token", "conv_proj.bias", "encoder.pos_embedding", "encoder.ln.weight",
                 "encoder.layers.encoder_layer_11.self_attention.in_proj_weight",
                 "encoder.layers.encoder_layer_0.self_attention.out_proj.bias",
                 "encoder.layers.encoder_layer_0.mlp.3.weight", "heads.head.bias"),
    "gpt2": ("wte.weight", "wpe.weight", "h.11.attn.c_attn.bias", "h.0.mlp.c_proj.weight",
             "ln_f.bias"),
}  # fmt: skip
"""Some names that published state dicts have, as they were written."""


@pytest.mark.parametrize("name", NAMES)
def test_a_published_name_has_its_place(name: str) -> None:
    graph = presets.load(name)
    known = ShapeInference(graph).flat()
    owned = {
        f"{path}.{p}" for path, one in known.items() if not one.inner
        for p in (*one.parameters, *one.buffers)
    }  # fmt: skip
    plain = {key.replace("/_", ".").replace("/", ".").removesuffix(".value") for key in owned}
    plain |= {key.replace("out_proj_", "out_proj.").replace("_weight", ".weight") for key in plain}
    assert set(NAMES[name]) <= plain


def test_a_state_dict_classifies_a_picture_by_the_names_that_one_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = gc.compile(presets.load("mobilenet_v2"), mode="train", seed=3)
    theirs = {
        f"module.{name.replace('/_', '.').replace('/', '.')}": tensor.clone()
        for name, tensor in {**plan.parameters, **plan.buffers}.items()
    }
    theirs["module.classifier.1.bias"][[7, 9]] += torch.tensor([50.0, 49.0])
    torch.save(theirs, tmp_path / "net.pth")
    (tmp_path / "names.txt").write_text("".join(f"kind {i}\n" for i in range(1000)))
    Image.new("RGB", (40, 30), (200, 30, 30)).save(tmp_path / "red.png")
    given = {"weights": tmp_path / "net.pth", "classes": tmp_path / "names.txt"}
    (answer,) = gc.predict("mobilenet_v2", tmp_path / "red.png", **given)
    assert [name for name, _ in answer.top(2)] == ["kind 7", "kind 9"]
    assert answer.answer == "kind 7"
    with pytest.raises(DataError, match=r"There are 2 names; the net tells 1,000 classes apart"):
        gc.predict("mobilenet_v2", tmp_path / "red.png", classes=["cat", "dog"])
