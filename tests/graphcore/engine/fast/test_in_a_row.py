"""Steps on an accelerator: none is waited for, and the numbers are those of steps one by one.

A captured CUDA graph is stood for by its closures, run as often as a capture runs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from graphcore.datasets import load
from graphcore.engine.fast import in_a_row
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import TrainingSettings
from graphcore.ops.kernels.buffered import Closure, run_all
from graphcore.training import step_block
from graphcore.training.trainer import Trainer

RULES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"momentum": 0.9}), ("Adam", {}), ("AdamW", {"amsgrad": True}), ("RMSprop", {}),
]  # fmt: skip


def net(dropout: bool) -> Graph:
    middle = "relu-dropout" if dropout else "relu"
    return parse_layers(f"784-16-{middle}-10")


def trainer(rule: str, options: dict[str, Any], dropout: bool = False) -> Trainer:
    settings = TrainingSettings(
        batch=32, optimizer=rule, optimizer_options=options, lr=0.01, clip_norm=0.5
    )
    return Trainer(net(dropout), load("digits"), settings)


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Everything is as on an accelerator; returns how many steps were captured."""
    found: list[int] = []

    def captured(closures: Sequence[Closure]) -> Closure:
        whole = run_all(*closures)
        for _ in range(in_a_row.WARMED):
            whole()
        found.append(1)
        return whole

    monkeypatch.setattr(step_block, "on_accelerator", lambda tensor: True)
    monkeypatch.setattr(in_a_row, "captured", captured)
    return found


@pytest.mark.parametrize(("rule", "options"), RULES, ids=[name for name, _ in RULES])
@pytest.mark.parametrize("dropout", [False, True], ids=["", "dropout"])
def test_the_numbers_are_those_of_steps_made_one_by_one(
    far: list[int], rule: str, options: dict[str, Any], dropout: bool
) -> None:
    one, many = (trainer(rule, options, dropout) for _ in range(2))
    losses = [one.train_step().loss for _ in range(14)]
    found = [r.loss for r in many.steps(2, ahead=1)]
    block = many.train_steps(8)
    assert len(block) > 1
    found += [r.loss for r in block]
    found += [many.train_step().loss]  # moves what the loop has noted losses from
    found += [r.loss for r in many.steps(14 - len(found), ahead=14)]
    assert found == pytest.approx(losses, rel=2e-5)
    torch.testing.assert_close(many.plan.flat, one.plan.flat, rtol=1e-4, atol=1e-6)
    assert bool(far) == (rule != "RMSprop" and not dropout)


def test_steps_that_diverge_are_taken_back_with_their_random_numbers(far: list[int]) -> None:
    run = trainer("SGD", {}, dropout=True)
    list(run.steps(3, ahead=1))
    (rows,) = run.batches.whole(run.step, 1)
    again = run._repetition
    assert again is not None
    stride, before = run._stride_for(again), run.plan.flat.clone()
    random = run.plan.generator.get_state().clone()
    assert stride.run([rows, rows], [float("inf"), 0.01]) is None
    assert torch.equal(run.plan.flat, before)
    assert torch.equal(run.plan.generator.get_state(), random)


def test_without_cuda_nothing_is_captured() -> None:
    if not torch.cuda.is_available():
        assert in_a_row.captured([lambda: None]) is None
