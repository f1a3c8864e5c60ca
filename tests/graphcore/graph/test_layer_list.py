"""Nets typed as a line: what comes out, and which word was not understood."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcore as gc
from graphcore.errors import ExpressionError
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.shapes import ShapeInference


@pytest.mark.parametrize(
    ("text", "operators", "parameters"),
    [
        ("784-128-relu-10", "Input Flatten Linear ReLU Linear", 101_770),
        ("784 - 10 - softmax", "Input Flatten Linear Softmax", 7_850),
        (
            "conv 8 5 | relu | pool 2 | flatten | 10",
            "Input Conv2d ReLU MaxPool2d Flatten Linear",
            11_738,
        ),
        ("8c5-p2-16c5-p3-10", "Input Conv2d MaxPool2d Conv2d MaxPool2d Flatten Linear", 4_074),
        ("2-4-tanh-2", "Input Linear Tanh Linear", 22),
        (
            "input 3 32 32, conv 4 3 stride 2 pad 1, bn, dense 2",
            "Input Conv2d BatchNorm2d Flatten Linear",
            2_170,
        ),
        ("AvgPool | Dropout 0.2 | fc 10", "Input AvgPool2d Dropout Flatten Linear", 1_970),
        ("10", "Input Flatten Linear", 7_850),
        ("5x5 | conv 1 3 | 2", "Input Conv2d Flatten Linear", 30),
        ("3×8x8, 4", "Input Flatten Linear", 772),
    ],
)
def test_the_net_is_built(text: str, operators: str, parameters: int) -> None:
    g = parse_layers(text)
    assert [n.operator for n in g] == [*operators.split(), "Target", "CrossEntropyLoss"]
    assert not ShapeInference(g).problems
    plan = gc.compile(g)
    assert sum(p.numel() for p in plan.parameters.values()) == parameters
    assert all(n.position is not None for n in g)


def test_a_softmax_at_the_end_stands_beside_the_loss() -> None:
    g = parse_layers("784-10-softmax")
    edge = g.edge_into("loss", "x")
    assert edge is not None
    assert edge.source == "fc1"


@pytest.mark.parametrize(
    ("text", "numbers", "loss", "answer"),
    [
        ("2-4-relu-1", None, "BCEWithLogitsLoss", "fc2"),
        ("2-4-relu-1", True, "MSELoss", "fc2"),
        ("13-8-relu-1", None, "MSELoss", "fc2"),
        ("13-8-relu-1", False, "BCEWithLogitsLoss", "fc2"),
        ("13-8-relu-1-sigmoid", None, "BCEWithLogitsLoss", "fc2"),
        ("13-8-relu-1-sigmoid", True, "MSELoss", "sigmoid1"),
        ("13-8-relu-3", None, "CrossEntropyLoss", "fc2"),
        ("13-8-relu-3", True, "MSELoss", "fc2"),
    ],
)
def test_the_loss_follows_from_the_end(
    text: str, numbers: bool | None, loss: str, answer: str
) -> None:
    g = parse_layers(text, numbers)
    assert g.node("loss").operator == loss
    assert g.edges_into("loss")[0].source == answer


def test_attributes_are_set() -> None:
    g = parse_layers("conv 6 5 pad 2 stride 3 | avgpool 4 | dropout 0.25 | 3")
    conv = g.node("conv1").attributes
    assert (conv["out_channels"], conv["kernel_size"], conv["padding"], conv["stride"]) == (
        6,
        5,
        2,
        3,
    )
    assert g.node("avgpool1").attributes["kernel_size"] == 4
    assert g.node("dropout1").attributes["p"] == 0.25


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no layers"),
        (" | - ", "no layers"),
        ("784-foo-10", "'foo'"),
        ("conv 8", "conv takes 2"),
        ("conv 8 x", "'x'"),
        ("784-conv 8 0", "'0'"),
        ("784-0", "'0'"),
        ("dropout 3", "dropout"),
        ("dropout a", "dropout"),
        ("relu 3", "'3'"),
        ("flatten 2", "flatten"),
        ("conv 8 5 pad", "pad"),
        ("2-4-conv 8 5", "conv needs an image"),
        ("flatten | pool 2", "pool needs an image"),
        ("input", "input needs"),
        ("input a", "'a'"),
        ("²-10", "'²'"),
        ("9999999999-10", "whole number"),
    ],
)
def test_the_word_that_was_not_understood_is_named(text: str, word: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_layers(text)
    assert word in str(caught.value)
    assert str(caught.value).endswith(".")


WORDS = st.sampled_from(
    [
        "784",
        "10",
        "0",
        "conv",
        "conv 8 5",
        "8c5",
        "p2",
        "pool",
        "relu",
        "dropout 0.5",
        "bn",
        "pad 2",
        "x",
        "flatten",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=6), st.sampled_from("-|, "))
def test_any_text_is_a_graph_or_an_expression_error(words: list[str], separator: str) -> None:
    with contextlib.suppress(ExpressionError):
        parse_layers(separator.join(words))
