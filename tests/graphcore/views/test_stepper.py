"""Going through both passes: the numbers of the courses' examples, and those of torch."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
import torch

import graphcore as gc
from graphcore import files, presets
from graphcore.engine import pictures as recording
from graphcore.records.arrays import pack, unpack
from graphcore.records.requests import Reply
from graphcore.session import messages as m
from graphcore.session.session import Session
from graphcore.training.sample import Sample
from graphcore.views.scheduler import Scheduler
from graphcore.views.stepper import (
    CheckRequest,
    ElementRequest,
    NumbersRequest,
    WalkFrame,
    WalkRequest,
)
from graphcore.views.stepper.compute import check, numbers, one_element


def walked(graph: gc.Graph, request: WalkRequest | None = None) -> tuple[WalkFrame, Session]:
    """The frame that the engine sends for a graph."""
    replies: list[Reply] = []
    session = Session(replies.append, "cpu")
    session.load(m.Load(files.dumps(graph)))
    assert not [r for r in replies if isinstance(r, m.Failure)], replies
    views = Scheduler(session)
    views.take(request or WalkRequest())
    views.work()
    (frame,) = [r for r in replies if isinstance(r, WalkFrame)]
    assert not views.has_work()  # nothing has changed
    return frame, session


def term(frame: WalkFrame, source: str, target: str) -> tuple[float | None, ...]:
    found = next(t for t in frame.terms if (t.source, t.target) == (source, target))
    return found.upstream, found.local, found.downstream


def expression(text: str, **values: float) -> gc.Graph:
    graph = gc.parse_expression(text)
    for name, value in values.items():
        graph.set_attributes(name, value=value)
    return graph


def test_the_expression_of_every_course() -> None:
    frame, _ = walked(presets.load("expression"))
    assert frame.numbers["J"] == 33
    assert {n: frame.slopes[n] for n in "abc"} == {"a": 3, "b": 6, "c": 9}
    product = next(t.source for t in frame.terms if t.target == "J" and t.local == 3)
    assert term(frame, product, "J") == (1, 3, 3)
    assert frame.forward.index("a") < frame.forward.index("J") == len(frame.forward) - 1
    assert frame.backward[0] == "J"


def test_one_neuron() -> None:
    frame, _ = walked(presets.load("perceptron"))
    assert sorted(frame.numbers.values())[0] == -6
    end = frame.numbers[frame.end]
    assert end == pytest.approx(1 / (1 + math.exp(6)), rel=1e-6)


def test_the_micrograd_expression() -> None:
    frame, _ = walked(presets.load("micrograd"))
    assert frame.numbers[frame.end] == pytest.approx(24.7041, abs=5e-5)
    assert frame.slopes["a"] == pytest.approx(138.8338, abs=5e-5)
    assert frame.slopes["b"] == pytest.approx(645.5773, abs=5e-5)


def test_a_square_gets_both_of_its_edges() -> None:
    frame, _ = walked(expression("J = x*x", x=3.0))
    down = [t.downstream for t in frame.terms if t.source == "x"]
    assert down == [3, 3]
    assert frame.slopes["x"] == 6


def test_a_diamond_adds_what_comes_back() -> None:
    frame, _ = walked(expression("J = exp(x) * sin(x)", x=0.5))
    back = [t.downstream for t in frame.terms if t.source == "x"]
    assert len(back) == 2
    wanted = math.exp(0.5) * (math.sin(0.5) + math.cos(0.5))
    assert sum(b for b in back if b is not None) == pytest.approx(wanted, rel=1e-12)
    assert frame.slopes["x"] == pytest.approx(wanted, rel=1e-12)


def test_a_digit_through_lenet_is_torchs() -> None:
    frame, session = walked(presets.load("lenet5"), WalkRequest(sample=Sample(7)))
    trainer = session.trainer
    assert trainer is not None
    x, t = trainer.tensors(trainer.data.test)
    p = {k: v.clone().requires_grad_() for k, v in trainer.plan.parameters.items()}
    nn = torch.nn.functional
    y = nn.max_pool2d(torch.relu(nn.conv2d(x[7:8], p["conv1.weight"], p["conv1.bias"], 1, 2)), 2)
    y = nn.max_pool2d(torch.relu(nn.conv2d(y, p["conv2.weight"], p["conv2.bias"])), 2).flatten(1)
    for layer in ("fc1", "fc2"):
        y = torch.relu(nn.linear(y, p[f"{layer}.weight"], p[f"{layer}.bias"]))
    y = nn.linear(y, p["logits.weight"], p["logits.bias"])
    loss = nn.cross_entropy(y, t[7:8])
    loss.backward()  # type: ignore[no-untyped-call]
    assert frame.numbers["loss"] == pytest.approx(float(loss.detach()), rel=1e-6)
    update = next(u for u in frame.updates if u.name == "conv1.weight")
    g = p["conv1.weight"].grad
    assert g is not None
    assert update.gradient_size == pytest.approx(float(g.square().mean().sqrt()), rel=1e-5)
    assert frame.label == str(int(t[7]))
    assert frame.answer.split()[0] == str(int(y.argmax()))
    assert frame.backward[0] == "loss"
    assert frame.samples == len(trainer.data.test)


def test_an_update_is_the_optimisers_own() -> None:
    graph = presets.load("linear-regression")
    frame, session = walked(graph)
    trainer = session.trainer
    assert trainer is not None
    assert frame.updates
    for update in frame.updates:
        if update.before is not None and update.after is not None and update.gradient is not None:
            moved = update.before - trainer.current_lr() * update.gradient
            assert trainer.settings.optimizer == "SGD"
            assert update.after == pytest.approx(moved, rel=1e-5, abs=1e-9)
    assert trainer.step == 0


def test_it_is_sent_again_when_the_weights_have_changed() -> None:
    graph = presets.load("circle")
    replies: list[Reply] = []
    session = Session(replies.append, "cpu")
    session.load(m.Load(files.dumps(graph)))
    views = Scheduler(session)
    views.take(WalkRequest())
    views.work()
    session.run(m.Run(3))
    while session.running:
        assert not views.has_work()
        session.work()
    views.work()
    assert [r.step for r in replies if isinstance(r, WalkFrame)] == [0, 3]


def test_every_gradient_is_checked_on_demand() -> None:
    _, session = walked(presets.load("mlp"))
    before = session.trainer.plan.flat.clone()
    found = check(session, CheckRequest())
    nodes = {n.name for n in session.graph} - {"loss", "target", "t"}
    assert set(found.checked) == {*nodes, *session.trainer.plan.parameters}
    assert max(c.error for c in found.checked.values()) < 1e-6
    assert {c.reason for c in found.checked.values()} <= {"rounding", "curve"}
    assert torch.equal(session.trainer.plan.flat, before)


def test_a_formula_is_checked_at_its_own_numbers() -> None:
    _, session = walked(expression("J = 3*(a + b*c)", a=5, b=3, c=2))
    found = check(session, CheckRequest(1e-4)).checked
    assert {n: round(found[n].own, 9) for n in "abc"} == {"a": 3, "b": 6, "c": 9}
    assert max(c.error for c in found.values()) < 1e-10


def test_a_graph_with_whole_numbers_is_checked() -> None:
    graph = gc.Graph()
    i = graph.add("Input", name="i", shape=(), batch=False, dtype="int", value=1)
    a = graph.add("Input", name="a", shape=(), batch=False, value=2.5)
    y = graph.add("Mul", name="y")
    graph.connect(i, y)
    graph.connect(a, y)
    _, session = walked(graph)
    assert set(check(session, CheckRequest(1e-4)).checked) == {"a"}


def test_what_cannot_be_checked_is_said() -> None:
    graph = gc.parse_expression("y = a*2\nz = a*3")
    graph.set_attributes("a", value=1.0)
    _, session = walked(graph)
    assert "one result" in check(session, CheckRequest()).problem


def test_an_activation_is_drawn_with_what_goes_into_it() -> None:
    frame, _ = walked(presets.load("mlp"), WalkRequest(sample=Sample(2)))
    name = next(n for n in frame.curves if "relu" in n)
    curve = frame.curves[name]
    x, y, slope = (unpack(a) for a in (curve.x, curve.y, curve.slope))
    assert np.array_equal(y, np.maximum(x, 0))
    assert np.array_equal(slope, (x > 0).astype(np.float32))
    assert unpack(curve.counts).sum() == 16
    assert 0 < curve.flat < 1


def lenet_in_torch(trainer, sample: int) -> dict[str, torch.Tensor]:
    """The same pass with torch's own autograd, every value by the node's name."""
    f, w = torch.nn.functional, trainer.plan.parameters
    w = {k: v.detach().clone().requires_grad_() for k, v in w.items()}
    x, t = trainer.tensors(trainer.data.test, sample + 1)
    v = {"x": x[sample:].clone().requires_grad_()}
    v["conv1"] = f.conv2d(v["x"], w["conv1.weight"], w["conv1.bias"], padding=2)
    v["relu1"] = v["conv1"].relu()
    v["pool1"] = f.max_pool2d(v["relu1"], 2)
    v["conv2"] = f.conv2d(v["pool1"], w["conv2.weight"], w["conv2.bias"])
    v["relu2"] = v["conv2"].relu()
    v["pool2"] = f.max_pool2d(v["relu2"], 2)
    v["flatten"] = v["pool2"].flatten(1)
    v["fc1"] = f.linear(v["flatten"], w["fc1.weight"], w["fc1.bias"])
    v["relu3"] = v["fc1"].relu()
    v["fc2"] = f.linear(v["relu3"], w["fc2.weight"], w["fc2.bias"])
    v["relu4"] = v["fc2"].relu()
    v["logits"] = f.linear(v["relu4"], w["logits.weight"], w["logits.bias"])
    v["loss"] = f.cross_entropy(v["logits"], t[sample:])
    for value in v.values():
        value.retain_grad()
    v["loss"].backward()
    return {**v, **w}


def as_sent(tensor: torch.Tensor, kind: str, batched: bool) -> torch.Tensor:
    """A tensor as a picture has it: whole, its first maps, or means of neighbours."""
    data = tensor[0] if batched else tensor
    if kind == "number":
        return data.reshape(())
    if kind == "bars":
        few = min(len(data), recording.BARS)
        return torch.nn.functional.adaptive_avg_pool1d(data[None], few)[0]
    maps = data.reshape(-1, *data.shape[-2:])[: recording.TILES]
    most = recording.SIDE * (2 if kind == "matrix" else 1)
    size = [min(n, most) for n in maps.shape[-2:]]
    pooled = torch.nn.functional.adaptive_avg_pool2d(maps[None], size)[0]
    return pooled[0] if kind == "matrix" else pooled


def assert_close(shown: torch.Tensor, reference: torch.Tensor, what: str) -> None:
    assert shown.shape == reference.shape, what
    off = (shown - reference).abs().max()
    assert off <= 1e-6 * reference.abs().max(), what


def test_every_value_and_gradient_of_lenet_equals_torch() -> None:
    """LeNet-5 on a real digit: all that is shown, to 1e-6 of the largest value."""
    frame, session = walked(presets.load("lenet5"), WalkRequest(sample=Sample(3)))
    wanted = lenet_in_torch(session.trainer, 3)
    kinds = {}
    for name, tensor in wanted.items():
        for pictures, reference in (
            (frame.values, tensor.detach()),
            (frame.gradients, tensor.grad),
        ):
            picture = pictures[name]
            kinds[picture.kind] = kinds.get(picture.kind, 0) + 1
            batched = "." not in name and tensor.dim() > 0
            sent = as_sent(reference, picture.kind, batched)
            assert_close(torch.from_numpy(unpack(picture.array).copy()), sent, name)
    assert kinds == {"tiles": 18, "bars": 22, "matrix": 6, "number": 2}


def test_every_number_of_lenet_that_is_asked_for_equals_torch() -> None:
    """The tables: no tensor is cut or made smaller."""
    _, session = walked(presets.load("lenet5"), WalkRequest(sample=Sample(3)))
    wanted = lenet_in_torch(session.trainer, 3)
    for name, tensor in wanted.items():
        found = numbers(session, NumbersRequest(name)).tensors
        batched = "." not in name and tensor.dim() > 0
        for kind, reference in (("value", tensor.detach()), ("gradient", tensor.grad)):
            shown = torch.from_numpy(unpack(found[kind]).copy())
            assert_close(shown, reference[0] if batched else reference, f"{kind} of {name}")


def test_every_edge_of_lenet_hands_back_what_torch_does() -> None:
    frame, session = walked(presets.load("lenet5"), WalkRequest(sample=Sample(3)))
    wanted = lenet_in_torch(session.trainer, 3)
    assert len(frame.terms) == 13  # one edge into each computed node that gradients pass
    for edge in frame.terms:
        size = float(wanted[edge.source].grad.square().mean().sqrt())
        assert edge.size == pytest.approx(size, rel=1e-6), edge
    assert {e.target for e in frame.terms} == set(wanted) - {"x"} - set(
        session.trainer.plan.parameters
    )


def test_a_small_jacobian_is_written_out() -> None:
    """That of softmax is diag(p) − p pᵀ; that of a layer is its weight."""
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(3,), batch=False, value=[0.5, -1.0, 2.0])
    graph.connect("x", graph.add("Softmax", name="p"))
    graph.connect("p", graph.add("Sum", name="J"))
    frame, _ = walked(graph)
    p = torch.tensor([0.5, -1.0, 2.0]).softmax(0).numpy()
    told = {q.name: unpack(q.array) for qs in frame.jacobians.values() for q in qs}
    assert np.allclose(told["∂p/∂x"], np.diag(p) - np.outer(p, p), atol=1e-7)
    assert told["∂J/∂x"].tolist() == [1, 1, 1]  # a row
    frame, session = walked(presets.load("mlp"))
    (jacobian,) = frame.jacobians["logits"]
    assert session.trainer is not None
    weight = session.trainer.plan.parameters["logits.weight"].numpy()
    assert np.allclose(unpack(jacobian.array), weight, atol=1e-7)


def test_a_frozen_parameter_is_named_among_those_that_stay() -> None:
    graph = presets.load("circle")
    for name in ("weight", "bias"):
        graph.set_frozen("hidden1", name, True)
    frame, _ = walked(graph)
    assert frame.unchanged == ("hidden1.weight", "hidden1.bias")
    assert {u.name for u in frame.updates}.isdisjoint(frame.unchanged)
    assert walked(presets.load("circle"))[0].unchanged == ()


def test_of_several_samples_the_derivatives_are_of_the_first() -> None:
    graph = presets.load("mlp")
    request = WalkRequest(sample=Sample(3), batch=4)
    frame, session = walked(graph, request)
    assert session.trainer is not None
    _, t = session.trainer.tensors(session.trainer.data.test)
    plan = session.trainer.plan
    hidden = session.trainer.looking_plan().value("relu2")
    layer = (plan.parameters[f"logits.{n}"] for n in ("weight", "bias"))
    logits = torch.nn.functional.linear(hidden, *layer)
    wanted = (logits[0].softmax(0) - torch.eye(10)[t[3]]) / 4
    told = {q.name: unpack(q.array) for qs in frame.jacobians.values() for q in qs}
    assert told["∂loss/∂x"].shape == (10,)
    assert np.allclose(told["∂loss/∂x"], wanted, atol=1e-6)
    assert told["∂logits/∂x"].shape == plan.parameters["logits.weight"].shape
    assert frame.values["logits"].shape == "(4, 10)"
    assert frame.gradients["logits"].shape == "(4, 10)"
    assert frame.values["logits"].high == pytest.approx(float(logits[0].max()), rel=1e-5)
    assert frame.together == 4
    count = len(session.trainer.data.test)
    assert walked(graph, WalkRequest(sample=Sample(count - 2), batch=4))[0].together == 2


def test_a_typed_row_of_unknown_truth_has_no_loss() -> None:
    graph = presets.load("linear-regression")
    typed = Sample(given=pack(np.array([0.3], np.float32)))
    frame, session = walked(graph, WalkRequest(sample=typed))
    assert session.trainer is not None
    b = session.trainer.binding
    assert frame.unknown
    assert b.output in frame.forward
    for name in (b.target, b.loss):
        assert name not in frame.forward, "no step, no number, no tick"
        assert name not in frame.numbers
        assert name not in frame.values
    assert not frame.quantities.get(b.loss)
    assert (frame.backward, frame.updates, frame.slopes) == ((), (), {})
    told = check(session, CheckRequest())
    assert "true value" in told.problem
    known = msgspec.structs.replace(typed, label=2.0)
    assert not walked(graph, WalkRequest(sample=known))[0].unknown
    assert walked(graph)[0].numbers[b.loss] > 0


def test_an_update_tells_its_own_rate() -> None:
    graph = presets.load("circle")
    graph.training = msgspec.structs.replace(graph.training, rates={"hidden1": 0.1})
    frame, _ = walked(graph)
    rates = {u.name.partition(".")[0]: u.rate for u in frame.updates}
    assert rates.pop("hidden1") == 0.1
    assert set(rates.values()) == {1.0}


def test_a_net_that_draws_noise_has_the_same_numbers_wherever_it_is_looked_at() -> None:
    frame, session = walked(presets.load("gan-2d"))
    written = one_element(session, ElementRequest("g_loss"))
    assert written.total == pytest.approx(frame.numbers["g_loss"], rel=1e-6)
    trainer = session.need_trainer()
    first, again = (trainer.evaluate(trainer.data.test) for _ in range(2))
    assert first.loss == again.loss
    assert math.isfinite(first.loss)
