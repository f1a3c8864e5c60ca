"""A replayed step is the step itself: the same numbers to the last digit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from graphcore import datasets, presets
from graphcore.datasets import Dataset, Normalization, Split
from graphcore.engine.fast import cached_step
from graphcore.engine.fast.kernel_trace import SWITCH, is_possible, replayed
from graphcore.engine.feeds import Rows
from graphcore.errors import GradscapeError, NonFiniteError
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import TrainingSettings
from graphcore.ops import OperatorClass, all_operators
from graphcore.training import step_block
from graphcore.training.trainer import Trainer

Closure = Callable[[], object]
SAMPLES = 22
of_traces = pytest.mark.skipif(not is_possible(), reason="no kernels are traced")


def trainer(graph: Graph, batch: int = 8, targets: Sequence[int] | None = None) -> Trainer:
    """A run over a few random images, with a smaller last batch in every epoch."""
    rng = np.random.default_rng(0)
    shape = next(n for n in graph if n.operator == "Input").attributes["shape"]
    labels = rng.integers(0, 10, SAMPLES) if targets is None else np.array(targets)
    split = Split(rng.random((SAMPLES, *shape), np.float32), labels)
    names = tuple(map(str, range(10)))
    plain = Normalization("none", np.zeros(()), np.ones(()))
    data = Dataset("random", "classification", split, split, None, shape, names, plain)
    settings = TrainingSettings(
        epochs=9, batch=batch, optimizer="SGD", optimizer_options={"momentum": 0.9}, lr=0.05,
        schedule="constant",
    )  # fmt: skip
    return Trainer(graph, data, settings)


def as_they_are(closures: Sequence[Closure], plain: Collection[Closure] = ()) -> list[Closure]:
    for closure in closures:
        closure()
    return list(closures)


@pytest.mark.parametrize("name", ["lenet5", "mlp", "tiny-conv", "resnet8", "vit-tiny", "lstm-rows"])
def test_a_run_is_the_same_with_and_without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_replay = trainer(presets.load(name))
    losses = [r.loss for r in with_replay.steps(8)]
    monkeypatch.setattr(cached_step, "replayed", as_they_are)
    without = trainer(presets.load(name))
    assert losses == [r.loss for r in without.steps(8)]
    assert torch.equal(with_replay.plan.flat, without.plan.flat)
    for key, buffer in without.plan.buffers.items():
        assert torch.equal(buffer, with_replay.plan.buffers[key])


def test_dropout_draws_anew_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = "784-32-relu | dropout 0.5 | 10"
    with_replay = trainer(parse_layers(layers))
    losses = [r.loss for r in with_replay.steps(8)]
    monkeypatch.setattr(cached_step, "replayed", as_they_are)
    assert losses == [r.loss for r in trainer(parse_layers(layers)).steps(8)]


@of_traces
def test_a_net_of_lowered_operators_is_one_call() -> None:
    run = trainer(parse_layers("784-16-relu-10"))
    list(run.steps(5))
    assert len(run.plan.kernels()) == 1


def test_a_step_that_fails_later_still_names_the_node() -> None:
    labels = [i % 10 for i in range(SAMPLES)]
    run = trainer(parse_layers("784-16-relu-10"), targets=labels)
    list(run.steps(5))
    run.train_t[:] = 99
    with pytest.raises(GradscapeError, match="class"):
        run.train_step()


def test_what_is_shown_is_that_of_the_last_step() -> None:
    """Steps with two sizes of batch take turns; values and gradients follow."""
    run = trainer(parse_layers("784-16-relu-10"), batch=16)
    for record in run.steps(8):
        assert float(run.plan.value(run.binding.loss)) == pytest.approx(record.loss)
        square = float(torch.dot(run.plan.flat_grad, run.plan.flat_grad))
        assert float(run.plan.gradient_square) == pytest.approx(square)


# -- what can be written down, and what cannot ------------------------------------------------


def times_two(closures: list[Closure], plain: Collection[Closure] = ()) -> list[Closure]:
    """Run once by replaying, and return what to run next."""
    with torch.inference_mode():
        return replayed(closures, plain)


def run_all(closures: list[Closure]) -> None:
    with torch.inference_mode():
        for closure in closures:
            closure()


@of_traces
def test_views_and_temporaries() -> None:
    x, y = torch.arange(6.0).view(2, 3), torch.zeros(3, 2)

    def step() -> None:
        y.copy_(x.t() * 2 + x.reshape(3, 2))
        y[0].mul_(y.sum().clamp(max=3.0))

    found = times_two([step])
    x += 1
    run_all(found)
    wanted = x.t() * 2 + x.reshape(3, 2)
    wanted[0] *= wanted.sum().clamp(max=3.0)
    assert torch.equal(y, wanted)
    assert found != [step]


def test_a_buffer_that_moves_is_looked_at_anew() -> None:
    x, moving, y = torch.ones(4), torch.zeros(4), torch.zeros(2, 2)

    def place() -> None:
        moving.set_(x * 3)  # type: ignore[call-overload]

    def read() -> None:
        y.copy_(moving.view(2, 2))

    for plain in ((), (place,)):
        found = times_two([place, read], plain)
        x += 1
        run_all(found)
        assert torch.equal(y, (x * 3).view(2, 2))


def test_what_a_plain_closure_makes_is_not_taken_from_an_old_step() -> None:
    x, y = torch.ones(4), torch.zeros(4)
    made: list[torch.Tensor] = []

    def make() -> None:
        made[:] = [x * 3]

    def read() -> None:
        y.copy_(made[0])

    found = times_two([make, read], (make,))
    x += 1
    run_all(found)
    assert torch.equal(y, x * 3)


def test_random_numbers_and_numbers_read_back_stay_python() -> None:
    x, y = torch.zeros(100), torch.zeros(100)

    def draw() -> None:
        x.bernoulli_(0.5)

    def branch() -> None:
        y.fill_(1.0 if float(x.sum()) > 50 else -1.0)

    assert times_two([draw, branch]) == [draw, branch]


def test_nothing_is_replayed_where_torch_has_no_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(torch._C, "parse_ir")
    x = torch.zeros(2)
    step = lambda: x.add_(1)
    assert times_two([step]) == [step]
    assert x.tolist() == [1, 1]


@of_traces
def test_everything_holds_with_the_switch_off() -> None:
    """As with a torch that no longer has its private interpreter."""
    x = torch.zeros(2)
    step = lambda: x.add_(1)
    assert times_two([step]) != [step]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(Path(__file__).parent)],
        env={**os.environ, SWITCH: "0"}, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "skipped" in done.stdout


# -- strides ------------------------------------------------------------------------------------


def watched(run: Trainer, ahead: int, count: int) -> tuple[list[float], list[int]]:
    """Losses of some steps, and how far the net was when each was told."""
    found = [(r.loss, run.step) for r in run.steps(count, ahead)]
    return [loss for loss, _ in found], [step for _, step in found]


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        ("mlp", "SGD"), ("mlp", "Adam"), ("mlp", "AdamW"), ("mlp", "RMSprop"), ("lenet5", "SGD"),
        ("lenet5", "Adam"), ("resnet8", "AdamW"), ("dropout", "SGD"), ("dropout", "RMSprop"),
    ],
)  # fmt: skip
def test_steps_made_at_once_are_those_made_one_by_one(
    name: str, optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With penalties, clipping and a rate that falls, over ends of epochs."""
    monkeypatch.setattr(step_block, "LONGEST", 1e9)
    random = name == "dropout"
    net = parse_layers("784-32-relu | dropout 0.5 | 10") if random else presets.load(name)
    runs = []
    for _ in range(2):
        run = trainer(net, batch=3)
        run.settings = msgspec.structs.replace(
            run.settings, optimizer=optimizer, schedule="onecycle", l1=1e-4, l2=1e-3, clip_norm=0.5,
            optimizer_options={"momentum": 0.9} if optimizer == "SGD" else {},
        )  # fmt: skip
        run.reset()
        runs.append(run)
    one, many = runs
    losses, _ = watched(one, 1, 30)
    at_once, places = watched(many, 5, 30)
    assert at_once == losses
    assert torch.equal(one.plan.flat, many.plan.flat)
    for key, buffer in one.plan.buffers.items():
        assert torch.equal(buffer, many.plan.buffers[key])
    single = name == "dropout" or optimizer == "RMSprop" or not is_possible()
    assert (places == list(range(1, 31))) == single


@pytest.mark.parametrize(
    "name", ["xor", "circle", "linear-regression", "logistic-regression", "nielsen",
             "softmax-regression", "autoencoder", "vanishing", "lstm-rows", "gan-2d"],
)  # fmt: skip
def test_the_losses_that_a_stride_tells_are_those_of_its_steps(name: str) -> None:
    """Whatever loss the net has, and whatever its optimiser."""
    graph = presets.load(name)
    s = graph.training
    images = s.dataset == "mnist"
    data = trainer(graph).data if images else datasets.load(s.dataset, options=s.dataset_options)
    one, many = Trainer(graph, data), Trainer(graph, data)
    assert watched(many, 7, 30)[0] == watched(one, 1, 30)[0]
    assert torch.equal(one.plan.flat, many.plan.flat)


@of_traces
@pytest.mark.parametrize("op", [o for o in all_operators() if o.category == "loss"])
def test_every_loss_is_trained_many_steps_at_once(
    op: OperatorClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over epochs that end with a smaller batch, too."""
    monkeypatch.setattr(step_block, "LONGEST", 1e9)  # however slow the machine is just now
    one, many = (loss_trainer(op) for _ in range(2))
    losses, _ = watched(one, 1, 40)
    at_once, places = watched(many, 100, 40)
    assert at_once == losses
    assert torch.equal(one.plan.flat, many.plan.flat)
    assert len(set(places)) <= 20


def loss_trainer(op: OperatorClass) -> Trainer:
    """A run of a small net under a loss that one half is taken of."""
    graph = parse_layers("6-5-tanh-3")
    plain = next(n for n in graph if n.operator == "CrossEntropyLoss")
    score = next(e.source for e in graph.edges if e.target == plain.name and e.input == "x")
    graph.remove(plain)
    loss = graph.add(op.name, name="error")
    ends = {"NLLLoss": "LogSoftmax", "KLDivLoss": "LogSoftmax"}.get(op.name, "Sigmoid")
    half, answer = graph.add("Constant", value=0.5), graph.add(ends)
    graph.connect(score, answer)
    graph.connect(answer, loss, input="x")
    graph.connect("target", loss, input="target")
    product = graph.add("Mul", name="half_of_it")
    graph.connect(loss, product)
    graph.connect(half, product)
    return trainer(graph, batch=3, targets=[i % 3 for i in range(SAMPLES)])


@of_traces
def test_strides_come_back_after_a_time_in_which_steps_were_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that took long must not be the last: nothing else is measured than strides."""
    wall, busy, slow = [0.0], [0.0], [0.0]

    def thread_time() -> float:
        busy[0] += slow[0]
        return busy[0]

    monkeypatch.setattr(step_block.time, "perf_counter", lambda: wall[0])
    monkeypatch.setattr(step_block.time, "thread_time", thread_time)
    run = trainer(parse_layers("784-16-relu-10"), batch=2)
    list(run.steps(4))
    slow[0] = 0.1
    assert len(run.train_steps(4)) == 2
    assert [len(run.train_steps(4)) for _ in range(5)] == [1] * 5
    slow[0] = 0.001
    wall[0] = 0.05 * step_block.TRIED_AGAIN + 1
    list(run.steps(4))
    assert [len(run.train_steps(4)) for _ in range(2)] == [2, 4]


def test_a_stride_that_meets_a_number_that_is_not_finite_is_taken_back() -> None:
    run = trainer(parse_layers("784-16-relu-10"), batch=2)
    list(run.steps(4))
    run.train_x[run.batches.at(8)[0]] = float("nan")
    with pytest.raises(NonFiniteError, match="step 9"):
        list(run.steps(40, ahead=40))
    assert run.step == 8
    assert run.plan.flat.isfinite().all()


def test_a_stride_whose_kernels_refuse_names_the_node() -> None:
    run = trainer(parse_layers("784-16-relu-10"), batch=2, targets=[i % 10 for i in range(SAMPLES)])
    list(run.steps(4))
    run.train_t[run.batches.at(8)[1]] = 99
    with pytest.raises(GradscapeError, match="class"):
        list(run.steps(40, ahead=40))
    assert run.step == 8


@pytest.mark.parametrize(
    "name", ["lenet5", "mlp", "tiny-conv", "resnet8", "vit-tiny", "lstm-rows", "autoencoder"]
)
def test_a_recorded_step_that_is_replayed_shows_what_it_computed(name: str) -> None:
    run = trainer(presets.load(name))
    list(run.steps(3))
    shown, plain, loss = run.recorded, run.looking_plan(), run.binding.loss
    for feeds in (run.next_feeds(), run.binding.feeds(*rows_of(run, [3, 1, 4, 1, 5, 9, 2, 6]))):
        shown.step(feeds, loss)
        shown.step(feeds, loss)
    assert shown.repeated is not None
    plain.forward(feeds, training=True)
    plain.backward(loss)
    for node in plain.flat_graph.nodes:
        if node.node.operator in ("Input", "Target"):
            continue
        close(shown.value(node.name), plain.value(node.name))
        close(shown.grad(node.name), plain.grad(node.name))
    for node in plain.flat_graph.nodes:
        for port, (source, _) in node.inputs.items():
            if source in plain.parameters or node.node.operator == "Target":
                continue
            there = plain.edge_grad(source, node.name, input=port)
            here = shown.edge_grad(source, node.name, input=port, first=1)
            close(here, there)


def rows_of(run: Trainer, rows: Sequence[int]) -> tuple[Rows, Rows]:
    """Some samples of the training data as they are fed."""
    places = torch.tensor(rows)
    return Rows(run.train_x, places), Rows(run.train_t, places)


def close(here: torch.Tensor | None, there: torch.Tensor | None) -> None:
    """Equal but for the order of float32 sums; of some gradients the first sample alone is told."""
    assert (here is None) == (there is None)
    if here is not None and there is not None:
        there = there[: len(here)] if there.dim() else there
        scale = float(there.abs().max()) if there.numel() else 0.0
        torch.testing.assert_close(here, there, rtol=1e-4, atol=2e-5 * scale + 1e-12)
