"""The benchmark compares turn by turn, says how sure it is, and misses a bar only surely."""

from __future__ import annotations

import json

import pytest

from app.__main__ import main
from graphcore.cli import bench, bench_eager, bench_models
from graphcore.engine.fast import kernel_trace
from graphcore.engine.fast.kernel_trace import noted
from graphcore.errors import GradscapeError
from graphcore.late import torch


def test_the_interval_of_a_median_leaves_out_what_lies_surely_beyond():
    assert bench.interval(list(range(11))) == (1, 9)  # 98.8 %: one less would be 93.5 %
    assert bench.interval(list(range(20, 0, -1))) == (6, 15)  # a table of order statistics
    assert bench.interval([3.0, 1.0, 2.0]) == (1.0, 3.0)


@pytest.mark.parametrize(("eager", "fails"), [((15, 15), True), ((15, 17), False)])
def test_a_bar_is_missed_only_by_the_whole_interval(eager, fails):
    times = {"ours": [10.0] * 11, "eager": [float(eager[i % 2]) for i in range(11)], "floor": [9.0]}
    row = bench._compared("lenet5", 128, 1, times)
    assert (row["bar"], row["fails"]) == (1.6, fails)
    assert row["times_compiled"] is None
    assert bench._compared("lenet5", 128, 2, times)["bar"] is None


def test_the_plain_loop_runs_in_a_process_of_its_own():
    loop = bench_eager.Loop("eager", "circle", 10, threads=1)
    try:
        assert 0 < loop(2) < 60
    finally:
        loop.close()
    lost = bench_eager.Loop("eager", "circle", 10, threads=1, device="no-device")
    with pytest.raises(GradscapeError, match="PyTorch's loop ended"):
        lost(1)
    lost.close()


def test_the_command_prints_a_row_for_one_net(capsys, monkeypatch):
    class Nothing:
        def __init__(self, *_):
            pass

        def __call__(self, steps):
            raise GradscapeError("no compiler")

        def close(self):
            pass

    class Slow(Nothing):
        def __call__(self, steps):
            return steps * 1.0

    kinds = {"compiled": Nothing}
    monkeypatch.setattr(bench, "Loop", lambda kind, *_: kinds.get(kind, Slow)())
    arguments = ["bench", "--quick", "--net", "circle", "--precision", "bfloat16"]
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (row,) = report["results"]
    assert report["precision"] == "bfloat16"
    assert row["compiled_us"] is None
    assert row["times_eager"] > 1
    assert main(arguments) == 0
    assert "circle" in capsys.readouterr().out


@pytest.mark.parametrize(("net", "products"), [("autoencoder", 11), ("circle", 8)])
def test_the_products_of_a_step_are_its_matrix_products_alone(
    monkeypatch: pytest.MonkeyPatch, net: str, products: int
) -> None:
    """A product per layer forward, and two back, but for the input's gradient."""
    monkeypatch.setattr(bench_models, "SAMPLES", 128)
    monkeypatch.setenv(kernel_trace.SWITCH, "0")
    trainer = bench._trainer(net, 16)
    for _ in range(3):
        trainer.train_step()
    before = trainer.plan.flat.clone()
    with torch.inference_mode():
        calls = noted([bench._products(trainer)])
    assert {call.name for call in calls} <= {"mm", "addmm"}
    assert len(calls) == products
    assert torch.equal(trainer.plan.flat, before)
