"""The doctor's figures against autograd and the published ratios; every finding can be had."""

from __future__ import annotations

import msgspec
import pytest
import torch

import graphcore as gc
from graphcore import datasets, presets
from graphcore.graph.layer_list import parse_layers
from graphcore.runs.curves import Curves
from graphcore.training.trainer import Trainer
from graphcore.views.health import compute
from graphcore.views.health.compute import examine


def trainer(preset: str, **training: object) -> Trainer:
    graph = presets.load(preset)
    graph.training = msgspec.structs.replace(graph.training, dataset="digits", **training)
    return Trainer(graph, datasets.load("digits"))


def kinds(made: Trainer) -> set[str]:
    return {f.remedy for f in examine(made).findings}


def test_deep_sigmoids_vanish_and_he_initialised_relus_do_not() -> None:
    """The ratios measured on MNIST are about 3e-6 and 0.5; digits are near."""
    sick, well = examine(trainer("vanishing")), examine(trainer("vanishing-relu"))
    assert sick.ratio is not None
    assert well.ratio is not None
    assert 3e-7 < sick.ratio < 3e-5
    assert 0.1 < well.ratio < 3
    assert [f.remedy for f in sick.findings] == ["relu"]
    assert "vanishes" in sick.findings[0].sentence
    assert not well.findings


def test_gradients_are_those_of_autograd() -> None:
    made = trainer("mlp")
    frame = examine(made)
    p = {k: v.clone().requires_grad_() for k, v in made.plan.parameters.items()}
    x, t = made.tensors(made.data.train, 200)
    h = x.flatten(1)
    for name in ("fc1", "fc2"):
        h = torch.relu(torch.nn.functional.linear(h, p[f"{name}.weight"], p[f"{name}.bias"]))
    y = torch.nn.functional.linear(h, p["logits.weight"], p["logits.bias"])
    torch.nn.functional.cross_entropy(y, t).backward()
    for layer in frame.layers:
        grad = p[layer.name].grad
        assert grad is not None
        assert layer.gradient == pytest.approx(float(grad.square().mean().sqrt()), rel=1e-4)


def test_dead_and_saturated_units_are_counted() -> None:
    made = trainer("mlp")
    with torch.inference_mode():
        made.plan.parameters["fc1.bias"][:12] = -1e6
    frame = examine(made)
    assert next(u.dead for u in frame.units if u.node == "relu1") >= 0.75
    assert "leaky" in {f.remedy for f in frame.findings}
    graph = parse_layers("2-8-tanh-2")
    graph.set_training(gc.TrainingSettings(dataset="circle"))
    flat = Trainer(graph, datasets.load("circle"))
    with torch.inference_mode():
        for name, value in flat.plan.parameters.items():
            value.mul_(1000 if name.endswith("weight") and value.shape[0] == 8 else 1)
    assert "xavier" in kinds(flat)


def test_steps_that_are_too_large_or_too_small_are_said() -> None:
    assert "slower" in kinds(trainer("mlp", optimizer="Adam", lr=1.0))
    assert "faster" in kinds(trainer("mlp", optimizer="SGD", optimizer_options={}, lr=1e-9))


def test_steps_that_a_schedule_makes_small_are_nothing_wrong() -> None:
    ended = trainer("mlp", optimizer="SGD", optimizer_options={}, lr=0.01, schedule="cosine")
    ended.step = ended.total_steps
    assert ended.current_lr() < 1e-8
    assert "faster" not in kinds(ended)


def test_an_exploding_gradient_is_said() -> None:
    made = trainer("mlp")
    with torch.inference_mode():
        made.plan.parameters["fc2.weight"].mul_(1e5)
    assert "clip" in kinds(made)


def test_a_net_whose_numbers_overflow_is_not_called_healthy() -> None:
    made = trainer("mlp")
    made.plan.flat.fill_(1e38)
    found = examine(made).findings[0]
    assert found.remedy == "again"
    assert "NaN or infinite" in found.sentence


def small(dataset: str, layers: str, options: dict | None = None, **training: object) -> Trainer:
    graph = parse_layers(layers)
    settings = gc.TrainingSettings(dataset=dataset, dataset_options=options or {}, **training)
    graph.set_training(settings)
    return of_graph(graph)


def of_graph(graph: gc.Graph) -> Trainer:
    s = graph.training
    return Trainer(graph, datasets.load(s.dataset, options=s.dataset_options,
                                        normalization=s.normalization))  # fmt: skip


def regression(answer: str = "", **training: object) -> gc.Graph:
    """Two inputs, eight hidden units and one output under a squared error."""
    graph = gc.Graph()
    names = [graph.add("Input", name="x", shape=(2,)).name]
    for operator, given in (
        ("Linear", {"out_features": 8}), ("Tanh", {}), ("Linear", {"out_features": 1}),
        *([(answer, {})] if answer else []), ("MSELoss", {}),
    ):  # fmt: skip
        node = graph.add(operator, **given)
        graph.connect(names[-1], node, input="x")
        names.append(node.name)
    graph.connect(graph.add("Target", name="t"), names[-1], input="target")
    graph.training = gc.TrainingSettings(
        dataset="circle", dataset_options={"targets": "signs"}, **training
    )
    return graph


@pytest.mark.parametrize(
    ("before", "loss", "sick"),
    [("Softmax", "CrossEntropyLoss", True), ("Sigmoid", "CrossEntropyLoss", True),
     ("LogSoftmax", "CrossEntropyLoss", False), ("", "CrossEntropyLoss", False),
     ("LogSoftmax", "NLLLoss", False)],
)  # fmt: skip
def test_a_softmax_before_a_loss_that_takes_one_is_said(before, loss, sick) -> None:
    graph = presets.load("mlp")
    graph.training = msgspec.structs.replace(graph.training, dataset="digits")
    judge = next(n for n in graph if n.operator == "CrossEntropyLoss")
    edge, target = graph.edge_into(judge, "x"), graph.edge_into(judge, "target")
    graph.remove(judge)
    node = graph.add(loss, name="judge")
    last = graph.node(edge.source)
    if before:
        graph.connect(last, extra := graph.add(before, name="extra"))
        last = extra
    graph.connect(last, node, input="x")
    graph.connect(target.source, node, input="target")
    found = [f for f in examine(of_graph(graph)).findings if f.remedy == "bare"]
    assert bool(found) == sick
    assert not sick or (found[0].node == "extra" and before in found[0].sentence)


@pytest.mark.parametrize(("scale", "sick"), [(1.0, False), (300.0, True), (0.001, True)])
@pytest.mark.parametrize("which", ["inputs", "targets"])
def test_data_far_from_unit_size_are_said(which, scale, sick) -> None:
    made = of_graph(regression())
    array = getattr(made.data.train, which)
    array *= scale
    said = [f.sentence for f in examine(made).findings if which in f.sentence]
    assert bool(said) == sick


def test_wrong_saturated_outputs_under_a_squared_error_are_said_and_right_ones_are_not() -> None:
    made = of_graph(regression("Tanh", lr=0.1))
    list(made.steps(2000))
    well = examine(made)
    assert next(u for u in well.units if u.node == "tanh_2").saturated > 0.5
    assert not well.findings
    with torch.inference_mode():
        made.plan.parameters["linear_2.weight"].mul_(-20)
    (found,) = [f for f in examine(made).findings if "wrong and saturated" in f.sentence]
    assert found.node == "tanh_2"


@pytest.mark.parametrize("operator", ["Tanh", "Sigmoid"])
def test_the_slope_of_an_output_is_that_of_autograd(operator: str) -> None:
    made = of_graph(regression(operator))
    plan, b = made.looking_plan(), made.binding
    plan.forward(b.feeds(*made.tensors(made.data.train)))
    step = next(s for s in plan.steps if s.op.name == operator)
    x, y = plan.values[step.inputs[0]], plan.values[step.outputs[0]]
    assert x is not None
    assert y is not None
    wanted = 1 - y * y if operator == "Tanh" else y * (1 - y)
    slope = compute._slope(plan, step)
    assert slope is not None
    torch.testing.assert_close(slope, wanted)


def test_wrong_outputs_of_the_other_sign_are_not_saturated() -> None:
    made = of_graph(regression("Tanh"))
    with torch.inference_mode():
        for name, value in made.plan.parameters.items():
            value.zero_()
            if name == "linear_2.bias":
                value.fill_(-0.7)  # y = -0.6: wrong for most, with a slope of 0.64
    assert not [f for f in examine(made).findings if "wrong and saturated" in f.sentence]


def test_overfitting_is_said_and_a_run_that_still_gets_better_is_not() -> None:
    options = {"samples": 40, "noise": 0.5}
    told, shown = [], 0.0
    for count, hidden in ((40, 64), (2000, 4)):
        made = small("circle", f"2-{hidden}-relu-{hidden}-relu-2", options | {"samples": count},
                     optimizer="Adam", lr=0.01, batch=20, epochs=500)  # fmt: skip
        curves = Curves()
        for record in made.steps(600):
            curves.add(record.step, record.losses, 0.001)
            if record.step % 20 == 0:
                score = made.evaluate(made.data.test)
                curves.tests.append(msgspec.structs.replace(score, step=record.step))
        told.append([f.sentence for f in examine(made, curves).findings if f.remedy == "decay"])
        shown = shown if len(told) > 1 else curves.last_loss
        early = Curves.of(curves.rows[:20], curves.tests[:1], [])
        assert "decay" not in {f.remedy for f in examine(made, early).findings}
    assert told[0][0].startswith("The net overfits: since step ")
    assert told[0][0].endswith(f"to {shown:.3g}."), "the figure that the curve shows"
    assert not told[1]


def test_the_first_step_from_weights_near_zero_is_not_too_large_if_the_loss_falls() -> None:
    for preset in ("linear-regression", "logistic-regression"):
        assert not examine(of_graph(presets.load(preset))).findings


def test_a_rate_of_zero_is_said():
    """Where the schedule has come to its end, or one has set it so, nothing learns any more."""
    graph = presets.load("circle")
    graph.set_training(msgspec.structs.replace(graph.training, schedule="cosine", epochs=2))
    made = Trainer(graph, datasets.load("circle"))
    assert not any("is 0" in f.sentence for f in examine(made).findings)
    made.run()
    made.set_rate(0.0)
    assert any("learning rate is 0" in f.sentence for f in examine(made).findings)
