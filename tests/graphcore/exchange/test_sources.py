"""What a source says of its modules without being run, and what a net needs to be trained."""

from __future__ import annotations

import pytest

import graphcore as gc
from graphcore.errors import ExportError
from graphcore.exchange import sources
from graphcore.exchange.needs import loss_for, with_data

SOURCE = """
import torch.nn as nn
from torch.nn import Module
from elsewhere import Base

class Part(Module):
    def __init__(self, a, b=2, *, c, d=4): ...
    def forward(self, x, mask, scale=1.0): ...

class Whole(nn.Module):
    def __init__(self): self.part = Part(1, c=2)
    def forward(self, x): ...

class Child(Part): pass
class Foreign(Base):
    def forward(self, x): ...
class Plain:
    def forward(self, x): ...

ready = nn.Sequential(nn.Linear(2, 2))
other = Whole()
number = int("3")
"""


def test_the_modules_of_a_source_are_listed_with_what_they_need() -> None:
    found = {c.name: (c.arguments, c.inputs) for c in sources.choices(SOURCE)}
    assert found == {
        "Foreign": ((), ("x",)), "Child": (("a", "c"), ("x", "mask")), "Whole": ((), ("x",)),
        "Part": (("a", "c"), ("x", "mask")), "ready": ((), ()), "other": ((), ()),
    }  # fmt: skip
    assert next(iter(found)) == "Foreign"  # the last that no other uses
    assert sources.choices("class Broken(") == sources.choices("x = 1") == ()


def test_arguments_are_plain_values_alone() -> None:
    text = sources.call_text("Net", {"classes": " 10 ", "name": "'a'"})
    assert text == "Net(classes=10, name='a')"
    assert sources.read_call(text) == ("Net", [], {"classes": 10, "name": "a"})
    with pytest.raises(ExportError, match="needs a value for classes"):
        sources.call_text("Net", {"classes": ""})
    for bad in ("open('x')", "1) or f(", "x", "[" * 10_000):
        with pytest.raises(ExportError, match="plain value"):
            sources.call_text("Net", {"classes": bad})


@pytest.mark.parametrize(
    ("shape", "last", "loss", "data"),
    [
        ((1, 28, 28), "10", "CrossEntropyLoss over 10 classes", "mnist"),
        ((1, 28, 28), "7", "CrossEntropyLoss over 7 classes", "random"),
        ((2,), "2", "CrossEntropyLoss over 2 classes", "circle"),
        ((2,), "1", "MSELoss", "plane"),
        ((3, 8, 8), "5 | softmax", "CrossEntropyLoss over 5 classes", "random"),
        ((4,), "5 | logsoftmax", "NLLLoss over 5 classes", "random"),
        ((4,), "1 | sigmoid", "BCELoss", "random"),
    ],
)
def test_loss_and_data_follow_from_the_shapes(shape, last, loss, data) -> None:
    graph = gc.Graph()
    node = graph.add("Input", name="x", shape=shape)
    for operator, attributes in (
        [("Flatten", {})] * (len(shape) > 1) + [("Linear", {"out_features": int(last.split()[0])})]
        + [({"softmax": "Softmax", "logsoftmax": "LogSoftmax", "sigmoid": "Sigmoid"}[w], {})
           for w in last.split()[2:]]
    ):  # fmt: skip
        after = graph.add(operator, **attributes)
        graph.connect(node, after)
        node = after
    assert str(loss_for(graph)) == loss
    assert with_data(graph).training.dataset == data
    if data == "random":
        made = gc.load_dataset("random", **graph.training.dataset_options)
        assert made.input_shape == shape
