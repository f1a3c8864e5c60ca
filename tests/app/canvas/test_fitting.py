"""What the search box offers at the loose end of an edge, in both directions."""

import pytest

from app.document.document import Document
from graphcore import presets
from graphcore.graph.fitting import Fitting


@pytest.fixture
def lenet(qapp):
    document = Document()
    document.open_graph(presets.load("lenet5"))
    return document


@pytest.mark.parametrize(
    ("port", "fit", "unfit"),
    [
        (("conv1", "y"), {"ReLU", "MaxPool2d", "Flatten", "Conv2d", "Add", "Concat"},
         {"Input", "LSTM", "Conv1d", "BatchNorm1d"}),
        (("flatten", "y"), {"Linear", "ReLU", "CrossEntropyLoss", "MSELoss", "BatchNorm1d"},
         {"MaxPool2d", "Conv2d", "BatchNorm2d"}),
    ],
)  # fmt: skip
def test_what_takes_a_value(lenet, port, fit, unfit):
    fits = Fitting(lenet, port, "output")
    assert {n for n in fit | unfit if fits(n)} == fit


@pytest.mark.parametrize(
    ("port", "fit", "unfit"),
    [
        (("conv1", "x"), {"Input", "ReLU", "Conv2d"}, {"Flatten", "CrossEntropyLoss"}),
        (("logits", "x"), {"Input", "Linear", "Flatten", "ReLU"}, {"MaxPool2d", "Conv2d"}),
    ],
)  # fmt: skip
def test_what_gives_a_value(lenet, port, fit, unfit):
    lenet.disconnect_edges([lenet.graph.edge_into(port[0], port[1])])
    fits = Fitting(lenet, port, "input")
    assert {n for n in fit | unfit if fits(n)} == fit
