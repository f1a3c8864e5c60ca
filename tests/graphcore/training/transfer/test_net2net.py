"""A net grows by copies of its units: it computes the same, and copies part once they can."""

import pytest
import torch

from graphcore import datasets
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import TrainingSettings
from graphcore.training.trainer import Trainer
from graphcore.training.transfer.keep_weights import Kept, take_over
from graphcore.training.transfer.silent_units import Growth


def grown(old: Trainer, growth: Growth = "copies", **widths: int) -> tuple[Trainer, Kept]:
    """The net with other widths of its layers, which took the old one's weights over."""
    graph = old.graph.copy()
    for name, width in widths.items():
        attributes = graph.node(name).attributes
        graph.set_attributes(
            name, **{"out_features" if "out_features" in attributes else "out_channels": width}
        )
    new = Trainer(graph, old.data)
    return new, take_over(new, old, growth=growth)


def on_circle(layers: str) -> Trainer:
    graph = parse_layers(layers)
    graph.set_training(
        TrainingSettings(
            dataset="circle", batch=16, epochs=4, lr=0.05,
            optimizer="SGD", optimizer_options={"momentum": 0.9},
        )
    )  # fmt: skip
    trainer = Trainer(graph, datasets.load("circle", options={"samples": 96}, seed=1))
    list(trainer.steps(8))
    return trainer


def linears(trainer: Trainer) -> list[str]:
    graph = trainer.graph
    return [n for n in graph.topological_order() if graph.node(n).operator == "Linear"]


@pytest.fixture(scope="module")
def convolution() -> Trainer:
    """Convolution, batch norm, ReLU, pooling, a sum of two branches, flatten and linear layers."""
    graph = Graph()
    graph.add("Input", name="x", shape=(1, 28, 28))
    for name in ("left", "right"):
        graph.add("Conv2d", name=name, out_channels=4, kernel_size=3, stride=2)
        graph.connect("x", name)
    graph.add("BatchNorm2d", name="norm")
    graph.connect("left", "norm")
    graph.add("Add", name="sum")
    graph.connect("norm", "sum", input="a")
    graph.connect("right", "sum", input="b")
    before = "sum"
    for operator, attributes in (
        ("ReLU", {}), ("MaxPool2d", {"kernel_size": 2}), ("Flatten", {}),
        ("Linear", {"out_features": 12}), ("Tanh", {}), ("Linear", {"out_features": 10}),
    ):  # fmt: skip
        node = graph.add(operator, **attributes)
        graph.connect(before, node)
        before = node.name
    graph.add("Target", name="t")
    graph.add("CrossEntropyLoss", name="loss")
    graph.connect(before, "loss", input="x")
    graph.connect("t", "loss", input="target")
    trainer = Trainer(graph, datasets.load("digits"))
    list(trainer.steps(4))
    return trainer


def test_copies_compute_the_same_through_two_layers() -> None:
    old = on_circle("2-6-tanh-5-relu-2")
    first, second, _ = linears(old)
    new, kept = grown(old, **{first: 9, second: 11})
    assert kept.copies == {first: 3, second: 6}
    assert kept.change < 1e-6
    weight = new.plan.parameters[f"{first}.weight"]
    for row in weight[6:]:
        assert any(torch.equal(row, original) for original in weight[:6])


def test_copies_compute_the_same_through_batch_norm_sum_and_flatten(convolution: Trainer) -> None:
    new, kept = grown(convolution, left=7, right=7)
    assert kept.copies == {"left": 3, "right": 3}
    assert kept.change < 1e-6
    assert new.plan.buffers["norm.running_mean"].shape == (7,)
    _, kept = grown(convolution, left=7, right=7, linear=20)
    assert kept.copies == {"left": 3, "right": 3, "linear": 8}
    assert kept.change < 1e-6


def test_every_copy_answers_for_its_share() -> None:
    old = on_circle("2-4-tanh-2")
    first, last = linears(old)
    new, _ = grown(old, **{first: 10})
    before = old.plan.parameters[f"{last}.weight"]
    rows, columns = new.plan.parameters[f"{first}.weight"], new.plan.parameters[f"{last}.weight"]
    for unit, row in enumerate(old.plan.parameters[f"{first}.weight"]):
        same = [j for j in range(10) if torch.equal(rows[j], row)]
        assert torch.allclose(columns[:, same].sum(1), before[:, unit])


def test_without_noise_copies_stay_the_same_and_with_noise_they_part() -> None:
    old = on_circle("2-4-tanh-2")
    first, _ = linears(old)
    for growth in ("copies", "noisy"):
        new, kept = grown(old, growth, **{first: 5})
        list(new.steps(6))
        gradient = new.plan.gradients[f"{first}.weight"]
        original = _original_of_last(old, first)
        apart = not torch.allclose(gradient[4], gradient[original], rtol=1e-4, atol=1e-9)
        assert apart == (growth == "noisy")
        assert (kept.change < 1e-6) == (growth == "copies")


def _original_of_last(old: Trainer, first: str) -> int:
    """Which unit is copied as the fifth of four."""
    new, _ = grown(old, **{first: 5})
    rows = new.plan.parameters[f"{first}.weight"]
    return next(i for i in range(4) if torch.equal(rows[i], rows[4]))


def test_dropout_parts_copies_by_itself() -> None:
    old = on_circle("2-4-tanh-dropout 0.5-2")
    first, _ = linears(old)
    new, kept = grown(old, **{first: 5})
    assert kept.change < 1e-6
    list(new.steps(3))
    gradient = new.plan.gradients[f"{first}.weight"]
    assert not torch.allclose(gradient[4], gradient[_original_of_last(old, first)], rtol=1e-3)


def test_what_the_optimiser_remembers_is_copied_too() -> None:
    old = on_circle("2-4-tanh-2")
    first, _ = linears(old)
    new, _ = grown(old, **{first: 5})
    info = next(p for p in new.plan.layout if p.name == f"{first}.weight")
    group = new.group_of(info)
    velocity = group.part(info, group.optimizer.state["velocity"])
    assert velocity.any()
    assert torch.equal(velocity[4], velocity[_original_of_last(old, first)])


def test_outputs_are_not_copied_and_fewer_units_are_no_copies() -> None:
    old = on_circle("2-6-tanh-2")
    first, last = linears(old)
    new, kept = grown(old, **{last: 3})
    assert kept.copies == {}
    name = f"{last}.weight"
    assert torch.equal(new.plan.parameters[name][:2], old.plan.parameters[name])
    _, kept = grown(old, **{first: 3})
    assert kept.copies == {}
    assert kept.change > 1e-3


def test_layers_of_another_kind_hear_nothing_of_copies() -> None:
    """A softmax over the units sees more of them: what is new is silent, the report is true."""
    old = on_circle("2-6-softmax-2")
    first, last = linears(old)
    new, kept = grown(old, **{first: 8})
    assert kept.copies == {first: 2}
    assert not new.plan.parameters[f"{last}.weight"][:, 6:].any()
    assert kept.change > 1e-3
