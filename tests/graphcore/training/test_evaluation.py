"""Which answers count as right, at the borders; how many samples are asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphcore.datasets.dataset import Split
from graphcore.training.evaluation import correct, spread


@pytest.mark.parametrize(
    ("loss", "answers", "targets", "right"),
    [
        ("BCELoss", [0.49, 0.51, 0.51, 0.1], [0, 1, 1, 1], 3),  # a probability: one half
        ("BCEWithLogitsLoss", [-0.01, 0.01, 0.49, 0.51], [0, 1, 1, 1], 4),  # a logit: 0
        ("HingeLoss", [-0.01, 0.01, 0.01, -0.01], [-1, 1, -1, 1], 2),
        ("MSELoss", [0.49, 0.51], [0.3, 0.7], None),  # a number is not right or wrong
    ],
)
def test_a_single_score_is_read_as_its_loss_reads_it(
    loss: str, answers: list[float], targets: list[float], right: int | None
) -> None:
    y, t = torch.tensor(answers).reshape(-1, 1), torch.tensor(targets, dtype=torch.float32)
    assert correct(y, t.reshape(-1, 1), loss) == right


def test_samples_are_taken_from_the_first_to_the_last() -> None:
    split = Split(np.arange(10).reshape(-1, 1), np.arange(10))
    assert spread(split, 4).targets.tolist() == [0, 3, 6, 9]
    assert spread(split, None) is spread(split, 10) is split
