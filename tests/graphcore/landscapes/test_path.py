"""The path of a run: thinned when it grows long, cut when the run goes back in time."""

from pathlib import Path

import numpy as np
import torch

from graphcore.landscapes.planes import Plane, principal_plane
from graphcore.landscapes.surface import PathRecorder
from graphcore.runs.snapshots import Moment


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


def test_the_principal_plane_of_a_longer_path_is_not_turned_over() -> None:
    generator = torch.Generator().manual_seed(0)
    steps = 0.1 * torch.randn(60, 40, generator=generator)
    steps[:, 0] += 1.0
    path = steps.cumsum(0)
    path[:, 1] += torch.linspace(-3, 3, 60).square()
    before = principal_plane(path[:30], path[29])
    assert before is not None
    for n in range(31, 60):
        plane = principal_plane(path[:n], path[n - 1])
        assert plane is not None
        assert float(torch.dot(plane.u, before.u)) > 0
        assert float(torch.dot(plane.v, before.v)) > 0
        assert plane.places([path[0]])[0, 0] < 0, "it begins on the left"
        before = plane


def test_a_recorded_path_is_taken_up_though_a_moment_cannot_be_read() -> None:
    moments = [Moment(n, 0.1, 1, {"flat": torch.tensor([float(n)])}) for n in range(400)]
    moments[200]._tensors, moments[200]._file = None, Path("gone.safetensors")
    path = PathRecorder(most=8)
    path.retrace(moments, [int(n >= 300) for n in range(400)])
    assert path.steps[0] == 0
    assert len(path.steps) <= 8
    assert all(float(flat) == step for step, flat in zip(path.steps, path.weights, strict=True))
    assert path.legs == [int(step >= 300) for step in path.steps]
    path.add(400, torch.tensor([400.0]), leg=1)
    assert path.steps[-1] >= 392
