"""A net is changed while it learns: what is kept, and that what is new can start silent."""

import pytest
import torch

from graphcore import datasets
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import TrainingSettings
from graphcore.training.trainer import Trainer
from graphcore.training.transfer.keep_weights import Kept, take_over
from graphcore.training.transfer.silent_units import Growth


@pytest.fixture(scope="module")
def data() -> datasets.Dataset:
    return datasets.load("circle", options={"samples": 96}, seed=1)


def trained(data: datasets.Dataset, layers: str = "2-6-tanh-2", steps: int = 8) -> Trainer:
    graph = parse_layers(layers)
    graph.set_training(TrainingSettings(dataset="circle", batch=16, epochs=4))
    trainer = Trainer(graph, data)
    list(trainer.steps(steps))
    return trainer


def linears(graph: Graph) -> list[str]:
    return [n for n in graph.topological_order() if graph.node(n).operator == "Linear"]


def moments(trainer: Trainer, name: str) -> list[torch.Tensor]:
    """The parts of the optimiser's state that belong to one parameter."""
    info = next(p for p in trainer.plan.layout if p.name == name)
    group = trainer.group_of(info)
    states = [s for s in group.optimizer.state.values() if s.dim() == 1]
    assert states
    return [group.part(info, s) for s in states]


def changed(old: Trainer, graph: Graph, growth: Growth = "silent") -> tuple[Trainer, Kept]:
    new = Trainer(graph, old.data)
    return new, take_over(new, old, growth=growth)


def assert_survivors_kept(new: Trainer, old: Trainer) -> None:
    """Bit for bit: the numbers in both nets, and what the optimiser remembers of them."""
    for name in new.plan.parameters.keys() & old.plan.parameters.keys():
        mine, theirs = new.plan.parameters[name], old.plan.parameters[name]
        both = tuple(slice(min(a, b)) for a, b in zip(mine.shape, theirs.shape, strict=True))
        assert torch.equal(mine[both], theirs[both])
        for m, t in zip(moments(new, name), moments(old, name), strict=True):
            assert torch.equal(m[both], t[both])


def test_new_neurons_start_silent_and_learn(data: datasets.Dataset) -> None:
    old = trained(data)
    graph = old.graph.copy()
    first, last = linears(graph)
    graph.set_attributes(first, out_features=9)
    new, kept = changed(old, graph)
    assert kept.change < 1e-6
    assert set(kept.part) == {f"{first}.weight", f"{first}.bias", f"{last}.weight"}
    assert_survivors_kept(new, old)
    grown = new.plan.parameters[f"{last}.weight"][:, 6:]
    assert not grown.any()
    new.train_step()
    assert grown.all()


def test_without_being_asked_new_neurons_follow_their_initialisers(data: datasets.Dataset) -> None:
    old = trained(data)
    graph = old.graph.copy()
    graph.set_attributes(linears(graph)[0], out_features=9)
    new, kept = changed(old, graph, growth="initial")
    assert new.plan.parameters[f"{linears(graph)[1]}.weight"][:, 6:].any()
    assert kept.change > 1e-4
    assert_survivors_kept(new, old)


def test_an_inserted_layer_passes_its_input_on(data: datasets.Dataset) -> None:
    old = trained(data)
    graph = old.graph.copy()
    last = linears(graph)[-1]
    source = graph.edges_into(last)[0].source
    graph.disconnect(graph.edges_into(last)[0])
    between = graph.add("Linear", name="between", out_features=6)
    graph.connect(source, between)
    graph.connect(between, last, input="x")
    new, kept = changed(old, graph)
    assert kept.change < 1e-6
    assert set(kept.fresh) == {"between.weight", "between.bias"}
    assert_survivors_kept(new, old)


def test_a_branch_that_is_added_starts_at_nothing(data: datasets.Dataset) -> None:
    old = trained(data)
    graph = old.graph.copy()
    last = linears(graph)[-1]
    edge = graph.edges_into(last)[0]
    graph.disconnect(edge)
    for name, source in (("inner", edge.source), ("outer", "inner")):
        graph.add("Linear", name=name, out_features=6)
        graph.connect(source, name)
    graph.add("Add", name="sum")
    graph.connect(edge.source, "sum", input="a")
    graph.connect("outer", "sum", input="b")
    graph.connect("sum", last, input="x")
    new, kept = changed(old, graph)
    assert kept.change < 1e-6
    assert new.plan.parameters["inner.weight"].any()
    assert not new.plan.parameters["outer.weight"].any()


def test_channels_and_a_kernel_grow_quietly() -> None:
    digits = datasets.load("digits")
    old = Trainer(small_convolution(), digits)
    list(old.steps(3))
    wider = old.graph.copy()
    wider.set_attributes("conv", out_channels=6)
    assert changed(old, wider)[1].change < 1e-6
    deeper = old.graph.copy()
    edge = deeper.edges_into("act")[0]
    deeper.disconnect(edge)
    deeper.add("Conv2d", name="more", out_channels=4, kernel_size=3, padding=1)
    deeper.connect("conv", "more", input="x")
    deeper.connect("more", "act")
    assert changed(old, deeper)[1].change < 1e-6


def small_convolution() -> Graph:
    graph = Graph()
    graph.add("Input", name="x", shape=(1, 28, 28))
    graph.add("Conv2d", name="conv", out_channels=4, kernel_size=3, stride=2)
    graph.add("ReLU", name="act")
    graph.add("Flatten", name="flat")
    graph.add("Linear", name="logits", out_features=10)
    graph.add("Target", name="t")
    graph.add("CrossEntropyLoss", name="loss")
    for a, b in (("x", "conv"), ("conv", "act"), ("act", "flat"), ("flat", "logits")):
        graph.connect(a, b)
    graph.connect("logits", "loss", input="x")
    graph.connect("t", "loss", input="target")
    return graph


def test_fewer_neurons_keep_theirs_and_the_change_is_told(data: datasets.Dataset) -> None:
    old = trained(data)
    graph = old.graph.copy()
    graph.set_attributes(linears(graph)[0], out_features=3)
    new, kept = changed(old, graph)
    assert kept.change > 1e-3
    assert_survivors_kept(new, old)


def test_another_activation_keeps_every_weight_and_moment(data: datasets.Dataset) -> None:
    old, other = trained(data), parse_layers("2-6-relu-2")
    names = dict(zip(linears(other), linears(old.graph), strict=True))
    assert names == {n: n for n in names}
    new, kept = changed(old, other)
    assert len(kept.whole) == 4
    assert kept.change > 1e-3
    assert_survivors_kept(new, old)


def test_a_frozen_layer_is_named_and_trains_no_more(data: datasets.Dataset) -> None:
    old = trained(data)
    graph = old.graph.copy()
    first = linears(graph)[0]
    graph.set_frozen(first, "weight", True)
    new, kept = changed(old, graph)
    assert kept.frozen == (f"{first}.weight",)
    assert kept.change == 0
    before = new.plan.parameters[f"{first}.weight"].clone()
    new.train_step()
    assert torch.equal(new.plan.parameters[f"{first}.weight"], before)
    thawed = new.graph.copy()
    thawed.set_frozen(first, "weight", False)
    assert changed(new, thawed)[1].anew == (f"{first}.weight",)


def test_dropout_goes_on_drawing_where_it_was(data: datasets.Dataset) -> None:
    old = trained(data, "2-6-relu-dropout 0.5-2")
    new, _ = changed(old, old.graph.copy())
    assert new.train_step().loss == old.train_step().loss
