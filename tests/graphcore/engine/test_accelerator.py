"""Nothing that runs at every step mixes devices, copies to the host or waits for a number.

Everything runs over tensors without numbers on the device ``meta``, which ``on_accelerator`` takes
for one with a memory of its own. Left to real hardware: generators (drawing random numbers), fused
optimisers, streams and captured graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from graphcore import presets
from graphcore.engine.compiler import compile
from graphcore.engine.fast import in_a_row
from graphcore.engine.fast.buffered import Program
from graphcore.engine.plan import Plan
from graphcore.errors import EngineError
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.ops import Context, OperatorClass, all_operators, embedding, loss, loss_class
from graphcore.ops.kernels.device import constant
from graphcore.training import optimizers, parameter_groups
from tests.graphcore.ops.oracle import Trial, trials


class StaysThere(TorchDispatchMode):
    """Refuses calls that bring what lies on the device to the host."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        given, made = tensors((args, kwargs)), tensors(found)
        if any(t.device.type == "meta" for t in given):
            assert all(t.device.type == "meta" for t in made), f"{func} copies to the host"
        return found


def tensors(values: Any) -> list[Tensor]:
    if isinstance(values, dict):
        values = tuple(values.values())
    if isinstance(values, tuple | list):
        return [t for v in values for t in tensors(v)]
    return [values] if isinstance(values, Tensor) else []


@contextmanager
def on_a_device() -> Iterator[None]:
    constant.cache_clear()  # none of another mode
    embedding._waves.cache_clear()
    with FakeTensorMode(allow_non_fake_inputs=False), StaysThere(), torch.inference_mode():
        yield
    constant.cache_clear()
    embedding._waves.cache_clear()


def moved(tensor: Tensor) -> Tensor:
    """A tensor like another on the device, without numbers."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def on_device(trial: Trial) -> tuple[Context, list[Tensor]]:
    context = trial.context()
    context.buffers = {name: moved(buffer) for name, buffer in context.buffers.items()}
    context.moving = tuple(False for _ in trial.inputs)
    return context, [moved(x) for x in trial.inputs]


def both_passes(trial: Trial) -> None:
    """Forward and vjp, then the buffered form where there is one."""
    op = trial.op
    with on_a_device():
        context, inputs = on_device(trial)
        y = op.run_forward(context, inputs, trial.attributes)
        outputs = y if isinstance(y, tuple) else (y,)
        g = tuple(torch.empty_like(o) for o in outputs)
        if op.differentiable:
            op.run_vjp(context, g if len(g) > 1 else g[0], y, inputs, trial.attributes)
        context, inputs = on_device(trial)
        kernels = op.lower(context, *inputs, **trial.attributes)
        if kernels is not None and kernels.forward is not None:
            kernels.forward()
        if kernels is not None and op.differentiable:
            targets = [moved(x) if n else None for x, n in zip(inputs, trial.needs, strict=True)]
            kernels.backward(torch.empty_like(kernels.output), *targets)()


@pytest.mark.parametrize("op", all_operators(), ids=lambda op: op.name)
def test_an_operator_stays_on_the_device(op: OperatorClass) -> None:
    for trial in (t for t in trials() if t.op is op):
        both_passes(trial)


FUSED = {"SGD"}
"""Optimisers whose kernel has no form without numbers."""


@pytest.mark.parametrize("name", sorted(set(optimizers.names()) - FUSED))
def test_an_optimizer_stays_on_the_device(name: str) -> None:
    with FakeTensorMode():
        w, g = (torch.empty(7, device="meta") for _ in range(2))
        rule = optimizers.make(name, w, g, {})
    with rule.w.fake_mode, StaysThere(), torch.inference_mode():
        group = parameter_groups.Group("loss", 0, 7, rule)
        group.penalise(TrainingSettings(l1=0.1, l2=0.1, clip_norm=1.0))
        group.update(0.1)


NETS = ("lenet5", "mlp", "resnet8", "circle", "autoencoder", "lstm-rows", "vit-tiny")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, "float32") for name in NETS] + [(name, "bfloat16") for name in ("lenet5", "vit-tiny")],
)
def test_a_training_step_stays_on_the_device(name: str, dtype: str) -> None:
    """Both passes of the buffered form with its rewrites, and the update."""
    graph = presets.load(name)
    plan = compile(graph, dtype=dtype, mode="train", transposed=True)
    shapes = {n.name: tuple(n.attributes["shape"]) for n in graph if n.operator == "Input"}
    shapes |= {n.name: () for n in graph if n.operator == "Target"}
    with on_a_device():
        step = steps_of(plan, shapes, classes=any(n.op.answers == "class" for n in graph))
        step()
        step()


class Pieces(NamedTuple):
    """A training step of a plan's net on the device; both passes were made once."""

    program: Program
    feeds: dict[int, Tensor]
    end: int
    flat: Tensor
    grad: Tensor
    gradients: dict[int, Tensor]


def pieces_of(plan: Plan, shapes: dict[str, Any], classes: bool) -> Pieces:
    values = [None if v is None else moved(v) for v in plan.values]
    flat, grad = (torch.empty(plan.trainable, device="meta") for _ in range(2))
    gradients = {}
    for info in plan.layout:
        values[plan.slots[info.name, ""]] = info.within(flat)
        gradients[plan.slots[info.name, ""]] = info.within(grad)
    feeds = {}
    for name, (slot, node) in plan.feeds.sources.items():
        whole = classes and node.operator == "Target"
        kind = torch.int64 if whole else torch.float32
        size = (4, *shapes[name]) if whole or shapes[name] else (4, 1)
        feeds[slot] = values[slot] = torch.empty(size, dtype=kind, device="meta")
    for step in plan.steps:
        buffers = step.context.buffers
        step.context.buffers = {k: moved(b) for k, b in buffers.items()}
    program = Program(plan.steps, values, tuple(feeds), training=True)
    end = next(s.outputs[0] for s in reversed(plan.steps))
    program.forward(feeds)
    program.backward(end, None, gradients)
    return Pieces(program, feeds, end, flat, grad, gradients)


def steps_of(plan: Plan, shapes: dict[str, Any], classes: bool) -> Callable[[], None]:
    """A training step of a plan's net on the device."""
    found = pieces_of(plan, shapes, classes)
    rule = optimizers.make("Adam", found.flat, found.grad, {})

    def step() -> None:
        found.program.forward(found.feeds)
        found.program.backward(found.end, None, found.gradients)
        rule.update(0.1)

    return step


@pytest.mark.parametrize("name", ["mlp", "lenet5"])
@pytest.mark.parametrize("rule", ["Adam", "AdamW"])
def test_steps_in_a_row_stay_on_the_device(name: str, rule: str) -> None:
    """The loop that a stride makes of a step, and what it reads back: one tensor behind it all."""
    with on_a_device():
        noted = stride_of(presets.load(name), rule)
        assert noted.shape == (4,)


def stride_of(graph: Graph, rule: str) -> Tensor:
    """Losses of three steps of a net, and their sum with the weights, as a stride leaves them."""
    plan = compile(graph, mode="train", transposed=True)
    shapes = {n.name: tuple(n.attributes["shape"]) for n in graph if n.operator == "Input"}
    shapes |= {n.name: () for n in graph if n.operator == "Target"}
    found = pieces_of(plan, shapes, classes=True)
    rule_of = optimizers.make(rule, found.flat, found.grad, {})
    group = parameter_groups.Group("loss", 0, len(found.flat), rule_of)
    rows = torch.zeros(4, dtype=torch.int64, device="meta")
    program, loss = found.program, found.program.values[found.end]
    assert loss is not None
    closures, plain = program.kernels_of(found.end)
    assert not plain
    settings = TrainingSettings(clip_norm=1.0, l2=0.1)
    closures = [*closures, lambda: group.penalise(settings)]
    loop = in_a_row.in_a_row(closures, rows, loss, group.update, steady=True)
    noted = torch.empty(4, device="meta")
    loop(torch.zeros(3, 4, dtype=torch.int64, device="meta"), noted[:-1], [0.1] * 3)
    noted[-1].copy_(noted[:-1].sum() + found.flat.sum())
    return noted


# -- each fault once ------------------------------------------------------------------------------


def faulty(forward: Callable[..., Tensor]) -> Trial:
    """A trial of ReLU whose forward pass does something else."""
    trial = next(t for t in trials() if t.op.name == "ReLU")
    op = type("Faulty", (trial.op,), {"forward": staticmethod(forward)})
    return Trial(op, trial.case, trial.attributes, trial.inputs)


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: x + torch.ones(x.shape, dtype=x.dtype),
        lambda x: x.cpu(),
        lambda x: x * float(x.max()),
        lambda x: x + torch.tensor(x.tolist()),
        lambda x: x if x.sum().item() else -x,
        lambda x: x[x > 0],
    ],
    ids=[
        "mix of devices",
        "copy to the host",
        "a number read",
        "a list read",
        "an item read",
        "a size that depends on numbers",
    ],
)
def test_a_fault_is_seen(forward: Callable[..., Tensor]) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - of torch, of several kinds
        both_passes(faulty(forward))


# -- what a kernel cannot refuse there ------------------------------------------------------------


@pytest.fixture
def as_on_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (embedding, loss, loss_class):
        monkeypatch.setattr(module, "on_accelerator", lambda tensor: True)


INDEXED = [t for t in trials() if t.case.classes and t.op.name != "Hold"]


@pytest.mark.usefixtures("as_on_an_accelerator")
def test_right_indices_give_the_numbers_of_a_cpu() -> None:
    for trial in INDEXED:
        assert trial.case.reference is not None
        fresh = Trial(trial.op, trial.case, trial.attributes, trial.inputs)
        (y,), gradients = fresh.both(None, fresh.g)
        (wanted,), wanted_gradients = fresh.reference(fresh.g)
        torch.testing.assert_close(y, wanted)
        floating = [gx for gx in gradients if gx is not None]
        for gx, there in zip(floating, wanted_gradients, strict=True):
            torch.testing.assert_close(gx, there)


@pytest.mark.usefixtures("as_on_an_accelerator")
@pytest.mark.parametrize("wrong", [-1, 99])
def test_a_wrong_index_gives_nan_and_is_named_when_it_is_looked_for(wrong: int) -> None:
    for trial in INDEXED:
        place = next(i for i, x in enumerate(trial.inputs) if not x.is_floating_point())
        inputs = [x.clone() for x in trial.inputs]
        inputs[place].view(-1)[0] = wrong
        (y,) = trial.forward(inputs)
        assert not y.isfinite().all(), trial.op.name
        with pytest.raises(EngineError, match=f"no (class|row) {wrong}"):
            trial.op.refuse(*inputs, **trial.attributes)
