"""A session trains in strides between frames; what it tells is that of the run by itself."""

import msgspec
import numpy as np
import pytest

from graphcore import files, presets
from graphcore.training import Trainer
from graphcore.worker import messages as m
from graphcore.worker.arrays import unpack
from graphcore.worker.session import Session


@pytest.mark.parametrize("watched", [False, True])
def test_a_watched_run_is_the_run_by_itself(watched):
    graph = presets.load("mlp")
    graph.set_training(msgspec.structs.replace(graph.training, dataset="digits"))
    said = []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(graph)))
    session.run(m.Run(steps=300))
    at_once = 0  # steps between two looks for requests
    while session.running:
        before = session.trainer.step
        if watched:
            session.want_frame()
        session.work()
        at_once = max(at_once, session.trainer.step - before)
    session.want_frame()
    session.work()
    alone = Trainer(graph, session.trainer.data)
    losses = [r.loss for r in alone.steps(300)]
    assert session.trainer.step == 300
    np.testing.assert_array_equal(session.trainer.plan.flat.numpy(), alone.plan.flat.numpy())
    frames = [r for r in said if isinstance(r, m.Frame)]
    if watched:
        told = np.concatenate([unpack(f.losses) for f in frames])
        np.testing.assert_array_equal(told, np.float32(losses))
    else:
        assert at_once > 1
    kept = session.runs.current.timeline.steps
    assert kept[:10] == list(range(10)), "the first steps can all be gone back to"
    gaps = np.diff(kept)
    assert (
        gaps <= np.maximum(1, np.array(kept[1:]) // session.runs.current.timeline.per_fold)
    ).all()
