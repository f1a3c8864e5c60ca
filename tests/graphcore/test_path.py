"""The path of a run: thinned when it grows long, cut when the run goes back in time."""

import torch

from graphcore.landscape import PathRecorder


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
