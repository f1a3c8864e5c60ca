"""The benchmark's columns are of the calls that they name; no test goes by the clock."""

import pytest

from graphcore.cli import bench
from graphcore.engine.fast import kernel_trace
from graphcore.engine.fast.kernel_trace import noted
from graphcore.late import torch


@pytest.mark.parametrize(("net", "products"), [("autoencoder", 11), ("circle", 8)])
def test_the_products_of_a_step_are_its_matrix_products_alone(
    monkeypatch: pytest.MonkeyPatch, net: str, products: int
) -> None:
    """A product per layer forward, and two back, but for the input's gradient."""
    monkeypatch.setattr(bench, "SAMPLES", 128)
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
