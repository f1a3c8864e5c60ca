"""A row of a table as people write it, prepared as the data were, and the net's answer to it."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from graphcore.datasets.learned import Learned, learned
from graphcore.datasets.raw import coded_row
from graphcore.errors import GradscapeError
from graphcore.records.arrays import pack, unpack
from graphcore.session.session import Session
from graphcore.training.answers import answers_of
from graphcore.training.sample import Sample, fed, split_of
from graphcore.training.trainer import Trainer
from graphcore.views.own_row import RowFrame, RowRequest
from graphcore.views.view import view

MOST_SHARES = 12


@view(RowRequest)
def own_row(session: Session, request: RowRequest) -> RowFrame:
    """Answer to a row with the weights of this moment; an empty frame for other data."""
    trainer = session.need_trainer()
    known = learned(trainer.data)
    if not known.columns or not trainer.binding.input:
        return RowFrame()
    values = request.values or _values(trainer, request.sample, known)
    frame = RowFrame(
        columns=known.columns, values=values, typed=bool(request.values), target=known.target
    )
    try:
        return _answered(trainer, known, frame)
    except GradscapeError as error:
        return replace(frame, problem=str(error))


def _answered(trainer: Trainer, known: Learned, frame: RowFrame) -> RowFrame:
    numbers = coded_row(frame.values, known)
    b, plan = trainer.binding, trainer.evaluation_plan()
    given = pack(numbers.astype(np.float32))
    x, t, _ = fed(trainer, Sample(given=given))
    plan.forward(b.feeds(x, t))
    found = answers_of(plan.value(b.output).cpu().numpy(), known, b, ("",))[0]
    shares = sorted(found.probabilities.items(), key=lambda pair: -pair[1])[:MOST_SHARES]
    own = found.answer
    listed = own if isinstance(own, list) else [own]
    return replace(
        frame, answer=own if isinstance(own, str) else "", shares=tuple(shares), given=given,
        numbers=tuple(v for v in listed if not isinstance(v, str)),
    )  # fmt: skip


def _values(trainer: Trainer, sample: Sample, known: Learned) -> dict[str, str]:
    """The cells of a sample, as they would be typed."""
    if sample.given is not None:
        numbers = np.asarray(unpack(sample.given), np.float64).reshape(-1)
    else:
        split = split_of(trainer, sample.split)
        i = min(max(0, sample.index), len(split) - 1)
        numbers = trainer.data.normalization.invert(split.inputs[i]).reshape(-1)
    values, at = dict[str, str](), 0
    for column in known.columns:
        width = len(column.words) or 1
        part, at = numbers[at : at + width], at + width
        number = f"{float(part[0]):.6g}"
        values[column.name] = column.words[int(part.argmax())] if column.words else number
    return values
