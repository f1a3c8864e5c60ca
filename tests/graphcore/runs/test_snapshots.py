"""The recorded run: what is kept of it, going back, coming back, and branching."""

from __future__ import annotations

import pytest
import torch

import graphcore as gc
from graphcore import datasets, files
from graphcore.errors import EngineError, FileError
from graphcore.graph.layer_list import parse_layers
from graphcore.runs.runs import Runs
from graphcore.runs.snapshots import PER_FOLD, Moment, Store, Timeline
from graphcore.training.trainer import Trainer
from graphcore.training.transfer.keep_weights import take_over

NET = "2-8-relu-dropout 0.5-2"


def points() -> datasets.Dataset:
    return datasets.load("circle", options={"samples": 96}, seed=1)


def make(text: str = NET, **training) -> tuple[Trainer, bytes]:
    graph = parse_layers(text)
    settings = {"dataset": "circle", "batch": 16, "epochs": 40, "optimizer": "Adam"}
    graph.set_training(gc.TrainingSettings(**(settings | training)))
    return Trainer(graph, points()), files.dumps(graph)


def train(runs: Runs, trainer: Trainer, steps: int) -> list[float]:
    """Train steps that are said to take so long that every state can be kept; return losses."""
    losses = []
    for _ in range(steps):
        record = trainer.train_step()
        runs.note([record], trainer, seconds=1.0)
        losses.append(record.loss)
    return losses


def begun(store: Store | None = None, **training) -> tuple[Runs, Trainer]:
    trainer, graph = make(**training)
    runs = Runs(store)
    runs.begin(trainer, graph)
    return runs, trainer


def test_the_number_of_steps_kept_grows_with_the_logarithm() -> None:
    timeline, moment = Timeline(), Moment(0, 0.1, 1, {})
    counts = []
    for step in range(30_001):
        if timeline.due(step):
            timeline.add(Moment(step, 0.1, 1, {}))
        if step in (3000, 30_000):
            counts.append(len(timeline.moments))
    assert moment.size == 0
    assert timeline.steps[: PER_FOLD + 1] == list(range(PER_FOLD + 1))
    assert 190 < counts[0] < 250
    assert counts[1] < 1.6 * counts[0]
    gaps = [(b - a) / a for a, b in zip(timeline.steps[50:], timeline.steps[51:], strict=False)]
    assert max(gaps) < 2 / PER_FOLD


@pytest.mark.parametrize("schedule", ["constant", "onecycle", "plateau"])
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_looking_back_changes_nothing_of_what_follows(optimizer: str, schedule: str) -> None:
    settings = {"optimizer": optimizer, "schedule": schedule, "patience": 50}
    straight, _ = make(**settings)
    losses = [r.loss for r in straight.steps(60)]
    runs, trainer = begun(**settings)
    assert train(runs, trainer, 37) == losses[:37]
    for step in (30, 4, 12):
        assert runs.visit(trainer, step) == step
        assert runs.visiting
        trainer.look()
        trainer.evaluate(trainer.data.test)
    runs.come_back(trainer)
    assert trainer.step == 37
    assert train(runs, trainer, 23) == losses[37:]
    assert torch.equal(trainer.plan.flat, straight.plan.flat)


def test_statistics_of_a_visited_step_are_its_own() -> None:
    straight, _ = make("2-8-batchnorm-relu-2")
    trainer, graph = make("2-8-batchnorm-relu-2")
    runs = Runs()
    runs.begin(trainer, graph)
    train(runs, trainer, 20)
    for _ in straight.steps(7):
        pass
    runs.visit(trainer, 7)
    trainer.look()
    assert trainer.plan.buffers
    for name, buffer in straight.plan.buffers.items():
        assert torch.equal(trainer.plan.buffers[name], buffer)
    assert torch.equal(trainer.plan.flat, straight.plan.flat)


def test_a_branch_leaves_the_run_it_comes_from_whole() -> None:
    runs, trainer = begun()
    losses = train(runs, trainer, 40)
    first = runs.current
    end = trainer.plan.flat.clone()
    runs.visit(trainer, 10)
    trainer.lr *= 0.1
    branch = runs.branch(trainer)
    assert (branch.parent, branch.begun_at, branch.steps) == (first.number, 10, 10)
    assert branch.timeline.moments[:10] == first.timeline.moments[:10]
    assert branch.curves.rows[:, 2].tolist() == losses[:10]
    other = train(runs, trainer, 30)
    assert other[0] == losses[10]
    assert other[5:] != losses[15:]
    runs.enter(trainer, first.number, trainer)
    assert trainer.step == 40
    assert torch.equal(trainer.plan.flat, end)
    assert first.curves.rows[:, 2].tolist() == losses
    straight, _ = make()
    list(straight.steps(40))
    assert train(runs, trainer, 3) == [r.loss for r in straight.steps(3)]


def test_a_run_that_has_not_trained_gives_way(tmp_path) -> None:
    runs, trainer = begun()
    trainer.reset()
    runs.begin(trainer, b"")
    assert len(runs.all) == 1
    train(runs, trainer, 3)
    runs.leave(trainer)
    trainer.reset()
    runs.begin(trainer, b"")
    assert [r.steps for r in runs.all.values()] == [3, 0]
    assert runs.current.parent is None


def test_runs_are_numbered_without_holes() -> None:
    """A run that gave way, or was removed, leaves its number to the next."""
    runs, trainer = begun()
    for _ in range(3):
        trainer.reset()
        runs.begin(trainer, b"")
    train(runs, trainer, 5)
    for step in (2, 3):
        runs.visit(trainer, step)
        runs.branch(trainer)
        train(runs, trainer, 4)
    assert [run.name for run in runs.all.values()] == ["Run 1", "Run 2", "Run 3"]
    runs.remove(2)
    runs.visit(trainer, 3)
    runs.branch(trainer)
    assert sorted(run.name for run in runs.all.values()) == ["Run 1", "Run 2", "Run 3"]


def test_no_two_runs_have_one_name() -> None:
    runs, trainer = begun()
    train(runs, trainer, 5)
    runs.rename(1, "  Run   2 ")
    runs.visit(trainer, 2)
    branch = runs.branch(trainer)
    assert [run.name for run in runs.all.values()] == ["Run 2", "Run 2′"]
    with pytest.raises(EngineError, match="Another run is called Run 2 already"):
        runs.rename(branch.number, "Run 2")
    runs.rename(branch.number, " ")
    assert branch.name == "Run 2′"


def test_an_edit_that_is_undone_leads_back_to_the_run() -> None:
    runs, trainer = begun()
    graph = runs.current.graph
    losses = train(runs, trainer, 5)
    wider, other = make("2-9-relu-2")
    for new, text in ((wider, other), (make()[0], graph)):
        take_over(new, trainer)
        runs.leave(trainer)
        runs.begin(new, text)
        trainer = new
    assert [run.name for run in runs.all.values()] == ["Run 1"]
    assert trainer.step == 5
    straight, _ = make()
    wanted = [record.loss for record in straight.steps(8)]
    assert losses + train(runs, trainer, 3) == wanted


def test_the_current_run_cannot_be_removed_and_children_find_their_grandparent() -> None:
    runs, trainer = begun()
    for _ in range(2):
        train(runs, trainer, 5)
        runs.visit(trainer, trainer.step - 2)
        runs.branch(trainer)
    first, second, third = runs.all
    with pytest.raises(EngineError, match="is the one at work"):
        runs.remove(third)
    runs.remove(second)
    assert runs.get(third).parent == first
    with pytest.raises(EngineError, match="no run"):
        runs.get(second)


def test_memory_is_bounded_and_the_rest_is_in_files(tmp_path) -> None:
    size = Moment.of(make()[0]).size
    store = Store(tmp_path, memory_limit=10 * size, disk_limit=30 * size)
    runs, trainer = begun(store)
    flats = {}
    for _ in range(400):
        train(runs, trainer, 1)
        flats[trainer.step] = trainer.plan.flat.clone()
        assert store.memory <= 10 * size
    assert store.disk <= 30 * size
    assert 0 < len(list(tmp_path.iterdir())) <= 30
    steps = runs.current.timeline.steps
    assert steps[0] == 0
    assert steps[-1] > 350
    for step in steps[1::6]:
        assert runs.visit(trainer, step) == step
        assert torch.equal(trainer.plan.flat, flats[step])
    runs.come_back(trainer)
    runs.clear()
    assert not list(tmp_path.iterdir())
    assert (store.memory, store.disk) == (0, 0)


def test_a_full_disk_stops_nothing_but_says_so(tmp_path) -> None:
    size = Moment.of(make()[0]).size
    (tmp_path / "taken").write_text("a file stands where the folder would be")
    store = Store(tmp_path / "taken", memory_limit=10 * size)
    runs, trainer = begun(store)
    straight, _ = make()
    assert train(runs, trainer, 200) == [r.loss for r in straight.steps(200)]
    assert "on disk" in store.problem
    assert "\n" not in store.problem
    assert store.memory <= 10 * size
    assert runs.current.timeline.steps[0] == 0
    assert len(runs.current.timeline.steps) > 3


def test_a_damaged_file_of_a_step_changes_nothing(tmp_path) -> None:
    size = Moment.of(make()[0]).size
    runs, trainer = begun(Store(tmp_path, memory_limit=5 * size))
    train(runs, trainer, 30)
    before = trainer.plan.flat.clone()
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(FileError, match="step 3 cannot be read"):
        runs.visit(trainer, 3)
    assert not runs.visiting
    assert trainer.step == 30
    assert torch.equal(trainer.plan.flat, before)


def test_a_run_that_begins_late_keeps_its_first_steps_as_densely_as_any():
    kept = []
    for begun in (0, 6000):
        timeline = Timeline([Moment(begun, 0.1, 1, {})], begun=begun)
        for step in range(begun + 1, begun + 500):
            if timeline.due(step):
                timeline.add(Moment(step, 0.1, 1, {}))
        kept.append([step - begun for step in timeline.steps])
    assert kept[0] == kept[1]
    assert len(kept[0]) > 100
    assert timeline.until(6100).begun == 6100
