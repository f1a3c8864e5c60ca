"""Products in lower precision: near float32 in both passes, and everything else is float32."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from graphcore import presets
from graphcore.datasets import load
from graphcore.engine.compiler import compile
from graphcore.engine.execute import Step
from graphcore.engine.fast.buffered import Program
from graphcore.errors import EngineError
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.ops import OperatorClass, all_operators, convolution, linear
from graphcore.training.trainer import Trainer
from tests.graphcore.ops.oracle import Trial, trials

NEAR = 0.02
"""What bfloat16's eight bits may change of a tensor, as a share of its norm."""
REDUCED = [op for op in all_operators() if op.reduced]


def apart(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm().clamp_min(1e-6))


def step_of(trial: Trial, rounds: bool) -> tuple[Step, list[Tensor | None]]:
    op, inputs = trial.op, [x.float() if x.is_floating_point() else x for x in trial.inputs]
    outputs = len(trial.forward())
    names, places = tuple(map(str, range(len(inputs)))), range(len(inputs) + outputs)
    slots = tuple(places)[: len(inputs)], tuple(places)[len(inputs) :]
    step = Step("step", op, trial.attributes, slots[0], names, slots[1], trial.context())
    step.context.dtype = torch.bfloat16 if rounds else torch.float32
    if rounds:
        step.rounds, step.wide = torch.bfloat16, torch.float32
    return step, [*inputs, *[None] * outputs]


def both(step: Step, values: list[Tensor | None], buffered: bool) -> list[Tensor]:
    """Outputs, and gradients of all inputs."""
    with torch.inference_mode():
        if buffered:
            program = Program([step], values, (), training=False)
            program.forward({})
            (out,) = step.outputs
            seed = torch.ones_like(program.values[out])
            targets = {s: torch.zeros_like(values[s]) for s in step.inputs}
            program.backward(out, seed, targets)
            return [program.values[out].clone(), *targets.values()]
        step.forward(values)
        outputs = [values[s] for s in step.outputs]
        g = tuple(torch.ones_like(y) for y in outputs)
        gradients = step.backward(values, g if len(g) > 1 else g[0])
        return [*outputs, *(gx for gx in gradients if gx is not None)]


@pytest.mark.parametrize("op", REDUCED, ids=lambda op: op.name)
def test_an_operator_in_bfloat16_is_near_float32_in_both_passes(op: OperatorClass) -> None:
    changed = False
    for trial in (t for t in trials() if t.op is op and t.inputs[0].numel()):
        wanted = both(*step_of(trial, rounds=False), buffered=False)
        found = both(*step_of(trial, rounds=True), buffered=False)
        for a, b in zip(found, wanted, strict=True):
            assert a.dtype == torch.float32
            assert apart(a, b) < NEAR, op.name
            changed |= not torch.equal(a, b)
    assert changed


@pytest.mark.parametrize("op", [linear.Linear, linear.MatMul, convolution.Conv2d])
def test_buffers_and_inspection_round_alike(op: OperatorClass) -> None:
    for trial in (t for t in trials() if t.op is op and t.inputs[0].numel()):
        plain = both(*step_of(trial, rounds=True), buffered=False)
        buffered = both(*step_of(trial, rounds=True), buffered=True)
        for a, b in zip(buffered, plain, strict=True):
            assert a.dtype == torch.float32
            assert apart(a, b) < 0.005


def trained(name: str, precision: str, **settings: Any) -> tuple[Trainer, list[float]]:
    chosen = TrainingSettings(**{"batch": 32, "optimizer": "Adam", "lr": 3e-3, **settings})
    trainer = Trainer(presets.load(name), load("digits"), chosen, dtype=precision)
    return trainer, [trainer.train_step().loss]


@pytest.mark.parametrize(("name", "near"), [("mlp", 0.05), ("lenet5", 0.15)])
def test_gradients_of_a_net_are_near_those_of_float32(name: str, near: float) -> None:
    """As near as torch's autocast: where pooling compares, rounding may choose another pixel."""
    exact, rough = trained(name, "float32")[0], trained(name, "bfloat16")[0]
    for parameter, g in rough.plan.gradients.items():
        assert 0 < apart(g, exact.plan.gradients[parameter]) < near, parameter


def test_a_net_learns_in_bfloat16_and_every_state_is_float32() -> None:
    rough, losses = trained("mlp", "bfloat16", lr=1e-2)
    losses += [r.loss for r in rough.steps(60, ahead=60)]
    assert sum(losses[-10:]) / 10 < 0.3 * losses[0]
    states = rough.groups[0].optimizer.state.values()
    assert {t.dtype for t in (rough.plan.flat, rough.plan.flat_grad, *states)} == {torch.float32}
    assert rough.evaluation_plan().precision == "bfloat16"


def test_steps_at_once_and_a_step_that_is_shown_have_the_same_numbers() -> None:
    one, _ = trained("mlp", "bfloat16")
    many, _ = trained("mlp", "bfloat16")
    shown, _ = trained("mlp", "bfloat16")
    losses = [one.train_step().loss for _ in range(8)]
    assert [r.loss for r in many.steps(8, ahead=8)] == losses
    assert [shown.train_step(record=True).loss for _ in range(8)] == losses
    assert torch.equal(one.plan.flat, many.plan.flat)
    assert torch.equal(one.plan.flat, shown.plan.flat)


def product() -> Graph:
    graph = Graph()
    x, h = graph.add("Input", name="x", shape=(4,)), graph.add("Linear", name="h", out_features=3)
    graph.connect(x, h)
    return graph


@pytest.mark.parametrize(
    ("precision", "said"),
    [("tf32", "TF32 is a precision of NVIDIA GPUs"), ("half", "There is no precision 'half'")],
)
def test_a_precision_that_is_not_there_is_refused(precision: str, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        compile(product(), dtype=precision)


def test_a_net_that_cannot_round_says_which_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(x: Tensor, *_: Tensor, **__: Any) -> Tensor:
        if x.dtype == torch.bfloat16:
            raise NotImplementedError("\"addmm\" not implemented for 'BFloat16'")
        return x[:, :3]

    monkeypatch.setattr(linear.Linear, "forward", staticmethod(refuse))
    plan = compile(product(), dtype="bfloat16")
    with pytest.raises(EngineError, match=r"h \(Linear\) cannot be computed in bfloat16"):
        plan.forward({"x": torch.ones(2, 4)})
