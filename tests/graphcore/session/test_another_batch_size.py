"""Another size of batch in the middle of a run: steps and epochs stay what was made."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from graphcore import datasets, files, presets
from graphcore.errors import EngineError
from graphcore.records.epoch_count import EpochCount, epoch_of, epochs_done
from graphcore.runs.run_file import read_runs, write_runs
from graphcore.session import messages as m
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.training.transfer.keep_weights import take_over
from graphcore.views.scheduler import Scheduler
from graphcore.views.timeline import TimelineFrame, TimelineRequest
from graphcore.views.view import find

find()
SAMPLES = 160
SETTINGS = {"epochs": 4, "batch": 32, "lr": 0.01, "schedule": "onecycle", "patience": None}


def made(**training) -> Trainer:
    graph = net(**training)
    s = graph.training
    return Trainer(graph, datasets.load(s.dataset, options=s.dataset_options, seed=s.seed))


def net(**training):
    graph = presets.load("circle")
    options = {**graph.training.dataset_options, "samples": 2 * SAMPLES, "train_share": 0.5}
    graph.set_training(
        msgspec.structs.replace(graph.training, dataset_options=options, **{**SETTINGS, **training})
    )
    return graph


class Window:
    """What a window asks of a session, and the frames that it gets."""

    def __init__(self, folder: Path | None = None, **training) -> None:
        self.said: list[m.Reply] = []
        self.session = Session(self.said.append, "cpu")
        self.folder = str(folder or "")
        self.session.load(m.Load(files.dumps(net(**training)), checkpoints=self.folder))

    def edit(self, **training) -> None:
        load = m.Load(files.dumps(net(**training)), keep=True, checkpoints=self.folder)
        self.session.load(load)

    def train(self, steps: int | None = None, **more) -> None:
        self.session.run(m.Run(steps, **more))
        while self.session.running:
            self.session.work()

    def frame(self) -> m.Frame:
        self.session.want_frame()
        self.session.weights_changed()
        self.session.tell()
        return [f for f in self.said if isinstance(f, m.Frame)][-1]

    def visit(self, step: int | None) -> m.Frame:
        self.session.scrub(step)
        self.session.settle()
        return self.frame()


def test_steps_and_epochs_stay_what_was_made():
    window = Window()
    trainer = window.session.trainer
    per_epoch = trainer.steps_per_epoch
    window.train()
    assert (trainer.step, per_epoch) == (4 * per_epoch, 5)
    window.edit(batch=64)
    frame, trainer = window.frame(), window.session.trainer
    assert (trainer.steps_per_epoch, frame.step, frame.epoch, frame.epochs) == (3, 20, 4.0, 4)
    assert frame.state == "done"
    window.train()
    frame = window.frame()
    assert (frame.step, frame.epoch, frame.epochs) == (32, 8.0, 8)
    window.session.reset()
    assert (window.frame().step, window.frame().epochs, trainer.total_steps) == (0, 4, 12)


@pytest.mark.parametrize(("first", "then"), [(32, 64), (64, 32), (32, 9999), (9999, 32), (32, 7)])
def test_a_begun_epoch_goes_on_at_its_place(first, then):
    """Order of the batches and rate are those of a run that never had another size of batch."""
    old, new, alone = made(batch=first), made(batch=then), made(batch=then)
    list(old.steps(old.steps_per_epoch + old.steps_per_epoch // 2))
    take_over(new, old)
    begun = old.position % old.steps_per_epoch / old.steps_per_epoch
    assert new.step == old.step
    assert new.epoch == 1
    assert new.position == new.steps_per_epoch + round(begun * new.steps_per_epoch)
    alone.step = new.position
    left = new.total_steps - new.step
    assert left == alone.total_steps - alone.step
    for _ in range(left):
        assert torch.equal(new.next_rows(), alone.next_rows())
        ours, theirs = new.train_step(), alone.train_step()
        assert (ours.epoch, ours.lr) == (theirs.epoch, theirs.lr)
    assert new.finished
    assert len(new.epochs.losses) == 3  # of the begun epoch and of those that followed


def test_a_rounded_place_never_ends_an_epoch():
    for per_epoch, other, step in np.ndindex(12, 12, 40):
        count = EpochCount(per_epoch + 1).for_length(other + 1, step)
        whole, begun = divmod(step, per_epoch + 1)
        place = count.position(step) - whole * (other + 1)
        assert 0 <= place < other + 1
        assert begun or place == 0


def test_early_stopping_names_epochs_that_were_trained():
    old, new = made(batch=32, epochs=40), made(batch=64, epochs=40, patience=2, lr=3.0)
    list(old.steps(10 * old.steps_per_epoch))
    take_over(new, old)
    list(new.steps())
    assert new.epochs.stopped
    assert new.ends_epoch
    assert new.held_epoch == new.epoch - 2 > 10
    assert f"after epoch {new.epoch} of 40" in new.early_stop


def test_visited_steps_say_their_own_epoch_and_are_gone_on_from_there():
    window = Window()
    window.train(12)  # 2.4 epochs of 5 steps
    window.edit(batch=64)
    window.train(4)  # of 3: from step 7 of 12 on
    session, run = window.session, window.session.runs.current
    counts = run.counts
    assert counts == (EpochCount(5), EpochCount(3, 5, 12))
    done = epochs_done(counts, np.arange(17))
    assert done.tolist() == [*(np.arange(12) / 5), *(np.arange(7, 12) / 3)]
    assert [epoch_of(counts, step) for step in (1, 5, 6, 12, 13, 14, 15)] == [0, 0, 1, 2, 2, 2, 3]
    frame = window.visit(5)
    assert (frame.step, frame.epoch) == (5, 1.0)
    window.train(3)
    branch = session.runs.current
    assert branch.parent == run.parent, "the run that made the step"
    assert branch.counts == (EpochCount(5), EpochCount(3, 2, 5))
    assert (window.frame().step, window.frame().epoch) == (8, 2.0)
    assert (session.trainer.step, session.trainer.epoch) == (8, 2)
    session.enter(run.number)
    assert (window.frame().step, window.frame().epoch) == (16, pytest.approx(11 / 3))


def test_an_undone_batch_size_leads_back_to_the_run():
    window = Window()
    window.train(7)
    before = window.session.runs.current, window.session.trainer.total_steps
    window.edit(batch=64)
    assert window.session.runs.current is not before[0]
    window.edit()
    assert (window.session.runs.current, window.session.trainer.total_steps) == before


def test_the_end_of_the_epoch_is_that_of_the_begun_one():
    window = Window()
    window.train(7)
    window.edit(batch=16)  # 10 steps: 14 were made of 20
    window.train(epoch=True)
    assert (window.frame().step, window.frame().epoch) == (13, 2.0)
    window.train(epoch=True)
    assert (window.frame().step, window.frame().epoch) == (23, 3.0)


def test_a_resumed_run_equals_the_one_that_went_on(tmp_path):
    """After the engine was killed, and from a file of runs."""
    window = Window(tmp_path / "kept")
    window.train(7)
    window.edit(batch=64)
    window.train(1)
    window.session.keep()
    write_runs(tmp_path / "runs.gradscape", window.session.runs)
    again = Window()
    again.session.load(
        m.Load(files.dumps(net(batch=64)), resume=str(tmp_path / "kept")),
    )
    opened = Window()
    opened.session.open_runs(str(tmp_path / "runs.gradscape"))
    counts = window.session.runs.current.counts
    assert opened.session.runs.current.counts == counts
    for other in (again, opened):
        assert other.session.trainer.counting.behind == counts[-1].behind == 3
        assert other.frame().epoch == window.frame().epoch
    for each in (window, again, opened):
        each.train()
    flats = [w.session.trainer.plan.flat for w in (window, again, opened)]
    assert window.session.trainer.step == 15
    assert torch.equal(flats[0], flats[1])
    assert torch.equal(flats[0], flats[2])


def test_a_killed_run_goes_on_at_its_epoch_whatever_batch_size_it_has_by_then(tmp_path):
    window = Window(tmp_path / "kept")
    window.train(10)
    window.session.keep()
    again = Window()
    again.session.load(
        m.Load(files.dumps(net(batch=64)), resume=str(tmp_path / "kept")),
    )
    assert (again.frame().step, again.frame().epoch) == (10, 2.0)


def test_files_without_a_count_are_of_one_batch_size(tmp_path):
    window = Window()
    window.train(7)
    runs = window.session.runs
    for moment in runs.current.timeline.moments:
        moment.tensors().pop("position")
    runs.current.counts = ()
    write_runs(tmp_path / "old.gradscape", runs)
    assert read_runs(tmp_path / "old.gradscape")[1][0].counts == ()
    opened = Window(batch=64)
    opened.session.open_runs(str(tmp_path / "old.gradscape"))
    assert opened.session.runs.current.counts == (EpochCount(5),)
    assert opened.frame().epoch == 7 / 5


@pytest.mark.parametrize("place", [[-1, 5], [3, 0], [1, 2, 3], [0.5, 2.0]])
def test_a_damaged_place_is_refused(place):
    trainer = made()
    state = {**trainer.state(), "position": torch.tensor(place)}
    with pytest.raises(EngineError, match="damaged"):
        trainer.load_state(state, 3, 0.1)
    assert trainer.step == 0


def test_after_a_reset_the_second_run_is_the_first():
    """Lengthened at its end, with a rate that was set meanwhile and steps that were visited."""
    window = Window()
    session, trainer = window.session, window.session.trainer

    def run() -> list[tuple[float, float]]:
        found = []
        for record in trainer.steps():
            found.append((record.loss, record.lr))
        return found

    first = run()
    weights = trainer.plan.flat.clone()
    session.reset()
    window.train()
    window.train()  # further epochs
    session.set_rate(m.SetRate(0.5))
    session.set_rate(m.SetRate(SETTINGS["lr"]))
    window.visit(3)
    window.visit(None)
    assert window.frame().epochs == 8
    session.reset()
    assert (window.frame().epochs, window.frame().epoch) == (4, 0.0)
    assert run() == first
    assert torch.equal(trainer.plan.flat, weights)


def test_a_batch_larger_than_the_training_set_is_said():
    assert made(batch=9999).note == "A batch of 9,999 takes all 160 samples: one step per epoch."
    assert not made(batch=160).note


def test_other_data_outdate_what_was_measured_until_a_step_is_made():
    window, told = Window(), list[TimelineFrame]()
    views = Scheduler(window.session)
    views.take(TimelineRequest())

    def newest() -> TimelineFrame:
        while views.has_work():
            told.extend(views.first())
        return told[-1]

    window.train(10)
    assert not newest().outdated
    window.edit(batch=64)
    assert not newest().outdated  # the same net on the same data
    window.edit(batch=64, normalization="standardize")
    assert newest().outdated
    assert newest().test.step == 10  # of the net on the data as they are now
    assert newest().curves is None or newest().curves.tested_from == 11
    window.edit()
    assert not newest().outdated  # undone: the run of before
    window.edit(batch=64, normalization="standardize")
    window.train(1)
    assert not newest().outdated
    assert window.session.runs.current.tested_from == 11
