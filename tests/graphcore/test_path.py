"""The path of a run: thinned when it grows long, cut when the run goes back in time."""

import numpy as np
import torch

from graphcore.landscape import PathRecorder
from graphcore.planes import Plane


def test_going_back_cuts_the_path_where_the_run_goes_on() -> None:
    path = PathRecorder(most=8)
    for step in range(6):
        path.add(step, torch.tensor([float(step)]))
    path.add(3, torch.tensor([30.0]))
    path.add(4, torch.tensor([40.0]))
    assert path.steps == [0, 1, 2, 3, 4]
    assert path.matrix()[:, 0].tolist() == [0, 1, 2, 30, 40]
    path.add(0, torch.tensor([0.0]))
    assert path.steps == [0]


def test_a_path_is_broken_where_the_weights_went_elsewhere_by_other_means() -> None:
    path, one = PathRecorder(most=8), torch.eye(2)
    for step in range(20):
        path.add(step, step * one[0], leg=int(step >= 12))
    places = path.on(Plane(torch.zeros(2), one[0], one[1], ("a", "b")))
    kept = [step for step in path.steps if step < 12]
    assert np.isnan(places[len(kept)]).all()
    assert np.isfinite(np.delete(places, len(kept), axis=0)).all()
    assert places[np.isfinite(places[:, 0]), 0].tolist() == path.steps
