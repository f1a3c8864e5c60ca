"""A session trains in strides between frames; what it tells is that of the run by itself."""

import mmap
from pathlib import Path

import msgspec
import numpy as np
import pytest

from graphcore import files, presets
from graphcore.errors import FileError
from graphcore.graph import composites
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.records.arrays import unpack
from graphcore.runs.run_file import read_runs, write_runs
from graphcore.session import messages as m
from graphcore.session.idle_test import ShownTest
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.views.landscape import LandscapeRequest
from graphcore.views.scheduler import Scheduler
from graphcore.views.timeline import (
    CurvesFrame,
    CurvesRequest,
    ScrubRequest,
    TimelineFrame,
    TimelineRequest,
)
from graphcore.views.view import find

find()


@pytest.mark.parametrize("watched", [False, True])
def test_a_watched_run_is_the_run_by_itself(watched):
    graph = presets.load("mlp")
    graph.set_training(msgspec.structs.replace(graph.training, dataset="digits"))
    said = []
    session = Session(said.append, "cpu")
    session.attention.LONG = 20.0  # room for several steps, however slow the machine is
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


def test_the_rate_is_that_of_this_net():
    said = []
    session = Session(said.append, "cpu")

    def rate() -> float:
        session.want_frame()
        session.tell()
        return said[-1].samples_per_second

    session.load(m.Load(files.dumps(presets.load("circle"))))
    session.run(m.Run(steps=50))
    while session.running:
        session.work()
    assert rate() > 0
    for load in (
        m.Load(files.dumps(presets.load("xor"))),
        m.Load(files.dumps(Graph()), forget=True),
    ):
        session.load(load)
        assert rate() == 0


def test_an_edit_past_the_planned_epochs_goes_on_where_the_net_was():
    session = Session(lambda reply: None, "cpu")
    graph = presets.load("circle")
    graph.set_training(msgspec.structs.replace(graph.training, epochs=2))
    session.load(m.Load(files.dumps(graph)))
    planned = session.trainer.total_steps
    for request in (m.Run(), m.Run(steps=7)):
        session.run(request)
        while session.running:
            session.work()
        session.trainer.lengthen()  # as Play does behind the last epoch
    assert session.trainer.step == planned + 7
    layer = next(n for n in graph if n.operator == "Linear")
    graph.set_attributes(layer.name, out_features=layer.attributes["out_features"] + 1)
    session.load(m.Load(files.dumps(graph), keep=True))
    assert session.trainer.step == planned + 7
    assert not session.trainer.finished
    graph.set_training(msgspec.structs.replace(graph.training, epochs=1))
    session.load(m.Load(files.dumps(graph), keep=True))
    assert session.trainer.finished  # fewer epochs were asked for


def test_the_planned_steps_of_a_frame_reach_as_far_as_was_asked():
    said = []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(presets.load("two-clouds"))))
    planned = session.trainer.total_steps
    session.run(m.Run(steps=planned + 40))
    session.trainer.step = planned
    session.loop.steps_left = 40
    for _ in range(2):
        session.want_frame()
        session.work()
    frames = [f for f in said if isinstance(f, m.Frame)]
    assert frames[-1].total_steps == planned + 40
    session.reset()
    session.want_frame()
    session.tell()
    assert [f for f in said if isinstance(f, m.Frame)][-1].total_steps == planned


def test_pausing_shows_the_newest_weights_and_changes_nothing_of_the_run():
    """The net draws random numbers in every pass: those of the next step stay what they are."""
    graph, said = presets.load("gan-2d"), []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(graph)))
    session.watch(m.Watch(values=tuple(n.name for n in graph)))
    for steps in (7, 8):
        session.run(m.Run(steps=steps))
        while session.running:
            session.work()
        session.want_frame()
        session.work()
        assert said[-1].values
        assert (said[-1].pictured_step, said[-1].step) == (session.trainer.step,) * 2
    alone = Trainer(graph, session.trainer.data)
    list(alone.steps(15))
    np.testing.assert_array_equal(session.trainer.plan.flat.numpy(), alone.plan.flat.numpy())


def test_every_recorded_step_has_a_point_on_the_curve_of_the_accuracy():
    graph, said = presets.load("circle"), []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(graph)))
    session.set_speed(m.SetSpeed(30.0))  # so slow that every step is recorded
    session.run(m.Run(steps=6))
    while session.running:
        session.work()
    session.want_frame()
    session.work()
    frame = said[-1]
    assert [step for step, _ in frame.accuracies] == [1, 2, 3, 4, 5, 6]
    assert list(frame.accuracies) == session.runs.current.curves.accuracies


def test_beside_each_test_stands_the_accuracy_on_the_training_samples(tmp_path):
    """Batches of a fast net are recorded so rarely that a curve through them says little."""
    graph, said = presets.load("circle"), []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(graph)))
    session.run(m.Run())
    while session.running:
        session.work()
    trainer, (test, *_) = session.trainer, session.runs.current.curves.tests[::-1]
    seen = trainer.evaluate(trainer.data.train)
    assert (test.step, test.training) == (trainer.step, seen.accuracy)
    assert all(t.training is not None for t in session.runs.current.curves.tests)
    write_runs(tmp_path / "circle.gradrun", session.runs)
    _, (again,) = read_runs(tmp_path / "circle.gradrun")
    assert again.curves.tests == session.runs.current.curves.tests


def test_a_long_curve_is_thinned_evenly_up_to_its_end():
    """Its last points are means of as many losses as all others: no spike of single ones."""
    graph, said = presets.load("circle"), []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(graph)))
    rng = np.random.default_rng(0)
    for step in range(1, 5001):
        session.runs.current.curves.add(step, (1 + rng.normal(),), 0.001)
    session.runs.current.steps = 5000
    views = Scheduler(session)
    views.take(CurvesRequest())
    views.work()
    (curves,) = next(frame for frame in said if isinstance(frame, CurvesFrame)).runs
    losses, steps = unpack(curves.losses)[0], unpack(curves.steps)
    assert steps[-1] == 5000
    assert curves.stride == 10
    assert len(losses) == 500
    assert losses[-100:].std() < 1.5 * losses[:-100].std()


@pytest.mark.parametrize("other", ["xor", "circle"], ids=["of another net", "of the same net"])
def test_a_run_whose_states_cannot_be_read_is_not_gone_to(tmp_path, other):
    session = Session(lambda reply: None, "cpu")
    load = {name: m.Load(files.dumps(presets.load(name))) for name in ("circle", other)}
    session.load(load["circle"])
    session.run(m.Run(steps=20))
    while session.running:
        session.work()
    session.runs.store.memory_limit = 0
    session.runs.store.folder = tmp_path
    session.reset()
    session.load(load[other])
    session.run(m.Run(steps=20))
    while session.running:
        session.work()
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:50])
    current, trainer, graph = session.runs.current, session.trainer, session.graph
    weights = trainer.plan.flat.clone()
    with pytest.raises(FileError, match="cannot be read"):
        session.enter(1)
    assert session.runs.current is current
    assert session.trainer is trainer
    assert session.graph is graph
    assert trainer.step == current.steps
    assert bool((trainer.plan.flat == weights).all())


def test_every_recorded_step_counts_for_the_accuracy_not_the_last_before_a_frame_alone():
    said = []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(presets.load("circle"))))
    session.set_speed(m.SetSpeed(30.0))  # so slow that each step is recorded
    session.run(m.Run(steps=4))
    while session.running:
        session.work()
    session.want_frame()
    session.work()
    told = [step for frame in said if isinstance(frame, m.Frame) for step, _ in frame.accuracies]
    assert told == [1, 2, 3, 4]
    assert [step for step, _ in session.runs.current.curves.accuracies] == [1, 2, 3, 4]


def test_a_test_on_all_samples_stays_with_the_weights_it_is_of():
    """An edit that changes no answer keeps it, as does going back; another net has its own."""
    session, graph, told = Session(lambda reply: None, "cpu"), presets.load("circle"), []
    views = Scheduler(session)
    views.take(TimelineRequest())
    options = {**graph.training.dataset_options, "samples": 2000}
    graph.set_training(
        msgspec.structs.replace(graph.training, dataset_options=options, epochs=1, batch=50)
    )
    session.load(m.Load(files.dumps(graph)))

    def shown() -> int:
        session.settle()
        while views.has_work():
            told.extend(views.first())
        return told[-1].test.samples

    session.run(m.Run())
    while session.running:
        session.work()
    every, end = len(session.trainer.data.test), session.trainer.step
    assert shown() == every > 500
    change = composites.group(graph, ("hidden1", "tanh1"), "block", ShapeInference(graph))
    for name in change.gone:
        graph.remove(name)
    for node in change.nodes:
        graph.insert(node)
    for edge in change.edges:
        graph.connect_edge(edge)
    session.load(m.Load(files.dumps(graph), keep=True))
    assert shown() == every
    assert told[-1].runs[-1].test.samples == every
    session.run(m.Run(steps=5))
    while session.running:
        session.work()
    views.take(ScrubRequest(end))
    assert shown() == every
    graph.set_attributes("hidden2", out_features=9)
    session.load(m.Load(files.dumps(graph), keep=True))
    assert shown() == 500, "of another net"


def test_a_net_that_did_not_fit_its_data_can_be_mended_edit_by_edit():
    """Once other data are chosen, the old net cannot be compared with the one that fits them."""
    graph = presets.load("logistic-regression")
    said = []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(graph)))
    session.run(m.Run(steps=1))
    session.train()
    graph.set_training(msgspec.structs.replace(graph.training, dataset="plane"))
    session.load(m.Load(files.dumps(graph), keep=True))
    graph.set_attributes("out", out_features=1)
    session.load(m.Load(files.dumps(graph), keep=True))
    assert session.trainer.plan.parameters["out.bias"].shape == (1,)
    assert said[-1].part == ("out.weight", "out.bias")


@pytest.mark.parametrize("preset", ["vgg16", "gpt2"])
def test_opening_a_big_net_costs_no_weights_until_something_runs(preset, tmp_path):
    """Resident memory of the process itself; the weights alone are 0.5 GB."""
    resident = Path("/proc/self/statm")
    if not resident.exists():
        pytest.skip("this system does not say what a process takes")

    def megabytes():
        return int(resident.read_text().split()[1]) * mmap.PAGESIZE >> 20

    session = Session(lambda reply: None, "cpu")
    text, before = files.dumps(presets.load(preset)), megabytes()
    views = Scheduler(session)
    views.take(LandscapeRequest(visible=True))
    for _ in range(2):
        session.load(m.Load(text, checkpoints=str(tmp_path)))
        session.want_frame()
        session.work()
        views.work()
    assert not ShownTest().wanted(session)
    assert session.trainer.plan.waits
    assert megabytes() - before < 150
    session.let_go()


def test_weights_that_are_drawn_when_they_are_needed_are_the_same():
    graph = presets.load("mlp")
    session = Session(lambda reply: None, "cpu")
    session.load(m.Load(files.dumps(graph)))
    trainer = session.trainer
    assert trainer.plan.waits
    start = session.runs.current.timeline.moments[0]
    trainer.train_step()
    np.testing.assert_array_equal(
        start.tensors()["flat"].numpy(), Trainer(graph, trainer.data).plan.flat.numpy()
    )
    assert not start.tensors()["flat"].equal(trainer.plan.flat)
    trainer.load_state(start.tensors(), 0, trainer.lr)
    trainer.train_step()
    alone = Trainer(graph, trainer.data)
    alone.train_step()
    np.testing.assert_array_equal(trainer.plan.flat.numpy(), alone.plan.flat.numpy())


def test_a_step_of_before_an_edit_keeps_the_figures_that_were_measured_then():
    """The weights of the former net, run through this one, were never a net."""
    graph, said = presets.load("circle"), []
    session = Session(said.append, "cpu")
    views = Scheduler(session)
    session.load(m.Load(files.dumps(graph)))
    session.run(m.Run(steps=50))
    while session.running:
        session.work()
    text = files.dumps(graph).decode().replace('"Tanh"', '"Sigmoid"')
    session.load(m.Load(text.encode(), keep=True))
    session.run(m.Run(steps=50))
    while session.running:
        session.work()
    views.take(TimelineRequest())
    for step, former in ((25, True), (75, False)):
        views.take(ScrubRequest(step))
        session.settle()
        said.clear()
        for _ in range(200):
            said += views.first()
        frames = [frame for frame in said if isinstance(frame, TimelineFrame)]
        assert frames
        assert frames[-1].former is former
        assert (frames[-1].test is None) is former


def test_weights_that_an_early_stop_gives_back_are_tested_where_they_were_made():
    """A test of theirs at the last step would show an improvement that training never made."""
    graph, said = presets.load("circle"), []
    settings = msgspec.structs.replace(graph.training, epochs=40, patience=2, lr=3.0)
    graph.set_training(settings)
    session = Session(said.append, "cpu")
    views = Scheduler(session)
    session.load(m.Load(files.dumps(graph)))
    session.run(m.Run())
    while session.running:
        session.work()
    trainer, run = session.trainer, session.runs.current
    assert trainer.held_epoch
    assert trainer.held_step == trainer.held_epoch * trainer.steps_per_epoch < trainer.step
    assert run.curves.tests[-1].step < trainer.step
    views.take(TimelineRequest())
    said += views.first()
    told = next(frame for frame in said[::-1] if isinstance(frame, TimelineFrame))
    assert told.test.step == told.runs[0].test.step == trainer.held_step
    assert told.test.loss == pytest.approx(trainer.evaluate(trainer.data.test).loss, rel=1e-5)
