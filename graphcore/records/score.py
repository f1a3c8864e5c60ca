"""How good a net was found to be: the one record of a test."""

from __future__ import annotations

import msgspec


class Score(msgspec.Struct, tag=True, frozen=True):
    """Loss (mean per sample) and accuracy over samples, in evaluation mode.

    Attributes:
        loss: NaN where the net has none.
        accuracy: share of right answers; None where answers are neither right nor wrong.
        samples: how many they were.
        step: after which the net was tested.
        whole: whether on all samples of the split.
        held_back: whether on those held back from training for validation, not on the test split.
        training: share of right answers that the same weights give on training samples, in
            evaluation mode too; None where that was not looked at.
    """

    loss: float
    accuracy: float | None
    samples: int
    step: int = 0
    whole: bool = True
    held_back: bool = False
    training: float | None = None
