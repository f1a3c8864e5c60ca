"""The reply for a graph that was loaded."""

from __future__ import annotations

import msgspec

from graphcore.datasets import Dataset
from graphcore.engine.plan import Plan
from graphcore.session.messages import Loaded
from graphcore.training.trainer import Trainer
from graphcore.training.transfer.keep_weights import Kept


def loaded(t: Trainer, data: Dataset, kept: Kept, problem: str = "") -> Loaded:
    """Of a net, of what it kept of the one before it, and why it cannot be trained."""
    return Loaded(
        dataset=data.name, note=f"{data.note} {t.note}".strip(),
        normalization=said_of_scales(data), train_samples=len(data.train),
        test_samples=len(data.test),
        held_back=0 if data.validation is None else len(data.validation), classes=data.classes,
        parameters=len(t.plan.places), numbers=t.plan.room.numel(), kept=len(kept.whole),
        part=kept.part, fresh=kept.fresh if kept.whole else (), gone=kept.gone, step=t.step,
        frozen=kept.frozen, anew=kept.anew, change=kept.change,
        copies=kept.copies, steps_per_epoch=t.steps_per_epoch, total_steps=t.total_steps,
        problem=problem,
    )  # fmt: skip


def said_of_scales(data: Dataset) -> str:
    """Return what was done to inputs and targets, in a sentence or two."""
    targets = data.target_scale.describe_targets(data.target)
    return f"{data.normalization.describe()} {targets}".strip()


def calculation_loaded(plan: Plan, problem: str) -> Loaded:
    """Of a graph that has nothing to learn, and why."""
    return msgspec.structs.replace(
        nothing_loaded(problem), parameters=len(plan.places), numbers=plan.room.numel()
    )


def nothing_loaded(problem: str) -> Loaded:
    """Of an empty graph."""
    return Loaded(
        dataset="", note="", normalization="", train_samples=0, test_samples=0, classes=(),
        parameters=0, numbers=0, kept=0, step=0, steps_per_epoch=1, total_steps=0,
        problem=problem,
    )  # fmt: skip
