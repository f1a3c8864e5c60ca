"""How far a net's numbers are from the truth on the test split, in the data's own unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphcore.engine.plan import Plan
from graphcore.late import torch
from graphcore.records.arrays import pack
from graphcore.training.trainer import Trainer
from graphcore.views.results import Curve, Quantities

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 2000
"""Answers that are drawn, at most."""
CURVE = 240
"""Places at which the answer over one input is asked for."""
MARGIN = 0.05


def answers_fit(answers: Tensor, targets: Tensor) -> bool:
    """Whether a batch's answers are numbers to be held against these targets one by one."""
    there = targets.is_floating_point() and answers.dim() > 0 and targets.dim() > 0
    return there and answers[0].numel() == targets[0].numel() and bool(len(answers))


def quantities(trainer: Trainer, parts: list[Tensor], targets: Tensor, plan: Plan) -> Quantities:
    """Return the errors of all answers, and some of them to be drawn.

    Args:
        parts: answers on the test split, batch by batch.
        plan: with the weights that gave them.
    """
    data, n = trainer.data, len(targets)
    found = torch.cat([p.reshape(len(p), -1) for p in parts]).double().cpu().numpy()
    scale = data.target_scale
    answers = found * scale.scale + scale.shift
    truth = targets.reshape(n, -1).double().cpu().numpy() * scale.scale + scale.shift
    error = answers - truth
    spread = ((truth - truth.mean(0)) ** 2).sum(0)
    missed = (error**2).sum(0)
    # Of several numbers the mean over those that vary, as scikit-learn's r2_score has it.
    shares = 1 - missed[spread > 0] / spread[spread > 0]
    rows = np.linspace(0, n - 1, min(n, SHOWN)).astype(int)
    return Quantities(
        target=data.target, samples=n, outputs=truth.shape[1],
        mae=float(np.abs(error).mean()), rmse=float(np.sqrt((error**2).mean())),
        r2=float(shares.mean()) if len(shares) else None,
        spread=float(np.sqrt(spread.sum() / truth.size)),
        truth=pack(truth[rows].astype(np.float64).ravel()),
        answers=pack(answers[rows].astype(np.float64).ravel()),
        curve=_curve(trainer, plan, targets) if _has_one_input(trainer, truth) else None,
    )  # fmt: skip


def _has_one_input(trainer: Trainer, truth: np.ndarray) -> bool:
    return trainer.input_shape in ((1,), ()) and truth.shape[1] == 1


def _curve(trainer: Trainer, plan: Plan, targets: Tensor) -> Curve:
    """The answer at evenly spaced places of the only input, and the samples it was taught with."""
    data, b = trainer.data, trainer.binding
    train, test = (s.inputs.reshape(len(s), -1)[:SHOWN] for s in (data.train, data.test))
    low, high = float(train.min()), float(train.max())
    pad = MARGIN * max(high - low, 1e-6)
    places = np.linspace(low - pad, high + pad, CURVE, dtype=np.float32)[:, None]
    feed = torch.from_numpy(places.reshape(CURVE, *trainer.input_shape))
    feed = feed.to(plan.device, plan.dtype)
    plan.forward(b.feeds(feed, targets[:1].expand(CURVE, *targets.shape[1:])))
    scale, norm = data.target_scale, data.normalization
    told = plan.value(b.output).reshape(-1).double().cpu().numpy()
    answers = np.concatenate([s.targets[:SHOWN].reshape(-1) for s in (data.train, data.test)])
    return Curve(
        column=data.columns[0] if data.columns else "",
        x=pack(norm.invert(places).astype(np.float64).ravel()),
        y=pack((told * scale.scale + scale.shift).ravel()),
        points_x=pack(norm.invert(np.concatenate([train, test])).astype(np.float64).ravel()),
        points_y=pack((answers.astype(np.float64) * scale.scale + scale.shift).ravel()),
        tests=len(test),
    )
