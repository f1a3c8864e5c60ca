"""Training against plain torch; runs that repeat, resume and stop with a sentence."""

import dataclasses

import msgspec
import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

import graphcore as gc
from graphcore import datasets, presets
from graphcore.engine.reading import go_through
from graphcore.errors import DataError, GraphError, NonFiniteError
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import Objective
from graphcore.landscapes.planes import filter_normalised, principal_plane
from graphcore.landscapes.surface import PathRecorder
from graphcore.training import optimizers, schedules
from graphcore.training.early_stopping import Epochs
from graphcore.training.trainer import Trainer
from graphcore.training.transfer.keep_weights import take_over


def points(samples: int = 96) -> datasets.Dataset:
    return datasets.load("circle", options={"samples": samples}, seed=1)


def net(text: str = "2-6-tanh-2", **training) -> gc.Graph:
    graph = parse_layers(text)
    graph.set_training(gc.TrainingSettings(dataset="circle", batch=16, epochs=4, **training))
    return graph


@pytest.mark.parametrize("name", optimizers.names())
def test_twenty_steps_equal_torch(name: str) -> None:
    cls = optimizers.get(name)
    options = {"weight_decay": 0.01} | ({"momentum": 0.9} if "momentum" in cls.options else {})
    trainer = Trainer(
        net(optimizer=name, optimizer_options=options, lr=0.05), points(), dtype="float64"
    )
    p = {k: v.clone().requires_grad_() for k, v in trainer.plan.parameters.items()}
    keywords = {**cls.options, **options}
    if "beta1" in keywords:
        keywords["betas"] = (keywords.pop("beta1"), keywords.pop("beta2"))
    theirs = getattr(torch.optim, name)(p.values(), lr=0.05, **keywords)
    layers = sorted({k.rpartition(".")[0] for k in p})
    first, last = layers[0], layers[-1]
    for _ in range(20):
        rows = trainer.next_rows()
        x, t = trainer.train_x[rows], trainer.train_t[rows]
        theirs.zero_grad()
        h = torch.tanh(x @ p[f"{first}.weight"].t() + p[f"{first}.bias"])
        y = h @ p[f"{last}.weight"].t() + p[f"{last}.bias"]
        loss = torch.nn.functional.cross_entropy(y, t)
        loss.backward()
        theirs.step()
        assert trainer.train_step().loss == pytest.approx(loss.item(), rel=1e-7)
    for key, mine in trainer.plan.parameters.items():
        torch.testing.assert_close(mine, p[key].detach(), rtol=1e-6, atol=1e-8)


def test_the_same_seed_gives_the_same_losses_and_another_does_not() -> None:
    runs = [[r.loss for r in Trainer(net(seed=s), points()).steps(15)] for s in (3, 3, 4)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_recorded_steps_give_the_same_numbers() -> None:
    plain, watched = (Trainer(net("2-6-relu-dropout 0.3-2"), points()) for _ in range(2))
    for i in range(12):
        assert plain.train_step().loss == watched.train_step(record=i % 3 == 0).loss
    torch.testing.assert_close(plain.plan.flat, watched.plan.flat, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(name: str) -> None:
    graph = net("2-8-relu-dropout 0.5-2", optimizer=name)
    straight = Trainer(graph, points())
    losses = [r.loss for r in straight.steps(20)]
    first = Trainer(graph, points())
    assert [r.loss for r in first.steps(9)] == losses[:9]
    second = Trainer(graph, points())
    second.load_state(first.state(), first.step, first.lr)
    assert [r.loss for r in second.steps(11)] == losses[9:]
    assert torch.equal(second.plan.flat, straight.plan.flat)


def test_reset_is_the_same_start() -> None:
    trainer = Trainer(net("2-8-relu-dropout 0.5-2"), points())
    losses = [r.loss for r in trainer.steps(10)]
    trainer.reset()
    assert [r.loss for r in trainer.steps(10)] == losses


def test_a_run_that_explodes_stops_with_a_sentence_and_keeps_the_weights() -> None:
    trainer = Trainer(net("2-6-relu-6-relu-2", optimizer="SGD", lr=1e30), points())
    before = trainer.plan.flat.clone()
    with pytest.raises(NonFiniteError, match=r"at step [0-9]+") as caught:
        for _ in trainer.steps(50):
            before = trainer.plan.flat.clone()
    assert caught.value.node in trainer.graph
    assert torch.equal(trainer.plan.flat, before)
    assert "\n" not in str(caught.value)


def test_weights_that_fit_are_taken_over() -> None:
    old = Trainer(net("2-6-tanh-2"), points())
    list(old.steps(8))
    wider = Trainer(net("2-6-tanh-5-tanh-2"), points())
    kept = take_over(wider, old)
    assert (len(kept.whole), len(kept.part), len(kept.fresh), kept.gone) == (2, 2, 2, ())
    for name in kept.whole:
        assert torch.equal(wider.plan.parameters[name], old.plan.parameters[name])
    for name in kept.part:
        mine, theirs = wider.plan.parameters[name], old.plan.parameters[name]
        both = tuple(slice(min(a, b)) for a, b in zip(mine.shape, theirs.shape, strict=True))
        assert torch.equal(mine[both], theirs[both])
    assert wider.step == 8
    assert int(wider.groups[0].optimizer.steps) == 8


def test_augmented_batches_are_the_same_for_the_same_seed_and_keep_black_black() -> None:
    graph = presets.load("tiny-conv")
    settings = msgspec.structs.replace(
        graph.training, dataset="digits", normalization="standardize", batch=8,
        augmentation={"shift": 3.0, "rotate": 10.0},
    )  # fmt: skip
    data = datasets.load("digits", normalization="standardize")
    runs = [[r.loss for r in Trainer(graph, data, settings).steps(4)] for _ in range(2)]
    plain = msgspec.structs.replace(settings, augmentation={})
    assert runs[0] == runs[1]
    assert runs[0] != [r.loss for r in Trainer(graph, data, plain).steps(4)]
    trainer = Trainer(graph, data, settings)
    seen = trainer.next_feeds()[trainer.binding.input]
    assert float(seen.min()) == pytest.approx(float(trainer.train_x.min()), abs=1e-5)


def test_a_frozen_parameter_stays() -> None:
    graph = net()
    layer = next(n.name for n in graph if n.operator == "Linear")
    graph.set_frozen(layer, "weight", True)
    trainer = Trainer(graph, points())
    before = {k: v.clone() for k, v in trainer.plan.parameters.items()}
    list(trainer.steps(5))
    changed = {k for k, v in trainer.plan.parameters.items() if not torch.equal(v, before[k])}
    assert changed == before.keys() - {f"{layer}.weight"}


def test_the_l2_penalty_is_weight_decay_under_plain_descent() -> None:
    a = Trainer(net(optimizer="SGD", l2=0.1), points())
    b = Trainer(net(optimizer="SGD", optimizer_options={"weight_decay": 0.1}), points())
    for _ in range(5):
        a.train_step()
        b.train_step()
    torch.testing.assert_close(a.plan.flat, b.plan.flat)


STEPS, PER_EPOCH = 60, 5
TORCH_SCHEDULES = {
    "constant": (lambda o: lr_scheduler.ConstantLR(o, factor=1.0), {}, 1),
    "step": (lambda o: lr_scheduler.StepLR(o, 3, gamma=0.5), {"every": 3, "gamma": 0.5}, PER_EPOCH),
    "exponential": (lambda o: lr_scheduler.ExponentialLR(o, 0.8), {"gamma": 0.8}, PER_EPOCH),
    "cosine": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS - 1, eta_min=0.1), {"final": 0.1}, 1,
    ),
    "warmup": (
        lambda o: lr_scheduler.LinearLR(o, 1 / 30, total_iters=29), {"share": 30 / STEPS}, 1,
    ),
    "onecycle": (lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=STEPS), {}, 1),
}  # fmt: skip
"""Name -> torch's schedule of a peak rate of 1, our options, and steps between its own."""


@pytest.mark.parametrize("name", [n for n in schedules.names() if n != "plateau"])
def test_a_schedule_equals_torch(name: str) -> None:
    make, options, apart = TORCH_SCHEDULES[name]
    theirs = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = make(theirs)
    for step in range(STEPS):
        moment = schedules.Moment(step, STEPS, step // PER_EPOCH, STEPS // PER_EPOCH)
        mine = schedules.factor(name, moment, options)
        assert mine == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-9), step
        theirs.step()
        if (step + 1) % apart == 0 and step < STEPS - 1:
            scheduler.step()


@pytest.mark.parametrize("name", ["circle", "xor", "linear-regression", "logistic-regression"])
def test_small_presets_learn(name: str) -> None:
    graph = presets.load(name)
    s = graph.training
    data = datasets.load(s.dataset, options=s.dataset_options, normalization=s.normalization)
    trainer = Trainer(graph, data)
    before = trainer.evaluate(data.train).loss
    for _ in trainer.steps(300):
        pass
    assert trainer.evaluate(data.train).loss < before


def test_filter_normalised_directions_are_as_long_as_the_weights() -> None:
    plan = gc.compile(net())
    direction = filter_normalised(plan, 5)
    for info in plan.layout:
        n = int(np.prod(info.shape))
        part = direction[info.offset : info.offset + n].reshape(info.shape)
        if len(info.shape) == 1:
            assert not part.any()
        else:
            torch.testing.assert_close(part.norm(dim=1), plan.parameters[info.name].norm(dim=1))


def test_the_plane_of_the_path_equals_numpys_svd() -> None:
    path = torch.randn(12, 40, generator=torch.Generator().manual_seed(0))
    plane = principal_plane(path, path[-1])
    assert plane is not None
    centred = (path - path.mean(0)).double().numpy()
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(plane.shares, (sizes**2 / (sizes**2).sum())[:2], rtol=1e-6)
    assert abs(float(plane.u.double() @ torch.from_numpy(axes[0]))) == pytest.approx(1, abs=1e-5)
    assert abs(float(plane.v.double() @ torch.from_numpy(axes[1]))) == pytest.approx(1, abs=1e-5)


def test_the_path_takes_bounded_memory() -> None:
    path = PathRecorder(most=16)
    for step in range(1000):
        path.add(step, torch.zeros(3))
    assert len(path.steps) <= 16
    assert path.steps[0] == 0


def test_an_autoencoder_is_judged_by_what_went_in() -> None:
    graph = presets.load("autoencoder")
    s = graph.training
    data = datasets.load(
        s.dataset, options=s.dataset_options, normalization=s.normalization, seed=s.seed
    )
    trainer = Trainer(graph, data)
    assert trainer.binding.target == ""
    for _ in trainer.steps(600):
        pass
    score = trainer.evaluate(data.test)
    spread = float(np.var(data.test.inputs, axis=0).mean())
    assert score.loss < 0.5 * spread  # half of what a net that always says the mean would get
    assert score.accuracy is None


def test_plateau_equals_torch() -> None:
    losses = [1.0, 0.8, 0.8, 0.79999, 0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7]
    weight = torch.nn.Parameter(torch.zeros(1))
    theirs = torch.optim.SGD([weight], lr=1.0)
    rule = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, factor=0.5, patience=2)
    for i, loss in enumerate(losses):
        rule.step(loss)
        moment = schedules.Moment(0, 10, 0, 10, losses[: i + 1])
        ours = schedules.factor("plateau", moment, {"gamma": 0.5, "patience": 2})
        assert ours == pytest.approx(theirs.param_groups[0]["lr"])


def test_early_stopping_goes_back_to_the_best_weights() -> None:
    graph = presets.load("circle")
    s = msgspec.structs.replace(graph.training, epochs=40, patience=2, lr=3.0)
    data = datasets.load(s.dataset, options=s.dataset_options, seed=s.seed)
    trainer = Trainer(graph, data, s)
    best: tuple[float, torch.Tensor] | None = None
    for record in trainer.steps():
        ended = record.step % trainer.steps_per_epoch == 0
        if ended and trainer.epochs.losses[-1] == min(trainer.epochs.losses):
            best = trainer.epochs.losses[-1], trainer.plan.flat.clone()
    assert trainer.epochs.stopped
    assert trainer.finished
    assert trainer.step < trainer.total_steps
    assert best is not None
    assert torch.equal(trainer.plan.flat, best[1])
    assert len(trainer.epochs.losses) == trainer.epochs.losses.index(best[0]) + 3


def test_a_second_early_stop_names_the_epoch_whose_weights_are_really_held() -> None:
    """The losses are forged: what follows the best is worse, before and after going on."""
    graph = presets.load("circle")
    trainer = Trainer(graph, datasets.load("circle"))
    epochs, plan, kept = trainer.epochs, trainer.plan, {}
    for number, loss in enumerate((3.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0), 1):
        plan.flat.fill_(float(number))
        epochs.end(loss, plan, 2)
        trainer.step = number * trainer.steps_per_epoch
        if epochs.stopped:
            kept[number] = trainer.held_epoch, float(plan.flat[0]), trainer.early_stop
            again = Epochs()
            again.load_state(epochs.state())
            trainer.epochs = epochs = again
            epochs.go_on()
    assert list(kept) == [4, 6]
    for held, weight, said in kept.values():
        assert (held, weight) == (2, 2.0)
        assert "not fallen for 2 epochs" in said
        assert "epoch 2, where it was 1." in said


def test_an_early_stop_says_why_and_which_epoch_is_held_and_can_be_gone_past() -> None:
    graph = presets.load("circle")
    s = msgspec.structs.replace(graph.training, epochs=40, patience=2, lr=3.0)
    data = datasets.load(s.dataset, options=s.dataset_options, seed=s.seed)
    trainer = Trainer(graph, data, s)
    assert not trainer.early_stop
    list(trainer.steps())
    losses = trainer.epochs.losses
    held = losses.index(min(losses)) + 1
    assert trainer.early_stop == (
        f"Stopped early after epoch {len(losses)} of 40: the training loss has not fallen for 2 "
        f"epochs. The net holds the weights of epoch {held}, where it was {min(losses):.4g}."
    )
    stopped_at = trainer.epoch
    trainer.lengthen()
    assert not trainer.finished
    assert trainer.settings.epochs == 40
    assert not trainer.early_stop
    list(trainer.steps(trainer.steps_per_epoch))
    assert trainer.epoch == stopped_at + 1
    assert not trainer.epochs.stopped  # patience counts from the epoch that is held


def test_past_the_end_there_are_as_many_epochs_more_as_are_set() -> None:
    graph = presets.load("circle")
    s = msgspec.structs.replace(graph.training, epochs=2)
    data = datasets.load(s.dataset, options=s.dataset_options, seed=s.seed)
    trainer = Trainer(graph, data, s)
    planned = []
    for _ in range(3):
        list(trainer.steps())
        planned.append(trainer.epoch)
        trainer.lengthen()
    assert planned == [2, 4, 6]
    trainer.reset()
    assert trainer.total_steps == 2 * trainer.steps_per_epoch  # the settings' epochs again


def test_patience_is_resumed_with_the_run() -> None:
    graph = presets.load("circle")
    s = msgspec.structs.replace(graph.training, epochs=40, patience=2, lr=3.0)
    data = datasets.load(s.dataset, options=s.dataset_options, seed=s.seed)
    whole, first, second = (Trainer(graph, data, s) for _ in range(3))
    for _ in whole.steps():
        pass
    for _ in first.steps(whole.step - whole.steps_per_epoch - 3):
        pass
    second.load_state(first.state(), first.step, first.lr)
    for _ in second.steps(whole.total_steps):
        pass
    assert second.step == whole.step
    assert torch.equal(second.plan.flat, whole.plan.flat)


def unreached(name: str, **training) -> gc.Graph:
    """Class scores out(x) + detached(encoder(x)), and a head that nothing reads."""
    g = gc.Graph()
    for operator, node, a in (
        ("Input", "x", {"shape": (2,)}), ("Linear", "out", {"out_features": 2}),
        ("Linear", "encoder", {"out_features": 2}), ("StopGradient", "stop", {}),
        ("Add", "add", {}), ("Linear", "head", {"out_features": 3}), ("Target", "t", {}),
        ("CrossEntropyLoss", "loss", {}),
    ):  # fmt: skip
        g.add(operator, name=node, **a)
    for source, target in (
        ("x", "encoder"), ("encoder", "stop"), ("x", "out"), ("out", "head"), ("out", "add"),
        ("stop", "add"),
    ):  # fmt: skip
        g.connect(source, target)
    g.connect("add", "loss", input="x")
    g.connect("t", "loss", input="target")
    options = {"weight_decay": 0.1}
    g.set_training(
        gc.TrainingSettings(dataset="circle", batch=16, lr=0.05, optimizer=name,
                            optimizer_options=options, **training)
    )  # fmt: skip
    return g


@pytest.mark.parametrize("objectives", [(), (Objective(loss="loss"),)], ids=("one", "objectives"))
@pytest.mark.parametrize("name", optimizers.names())
def test_weight_decay_keeps_off_what_no_loss_reaches(name: str, objectives: tuple) -> None:
    """As torch's optimisers skip parameters whose gradient is None; strided and resumed, too."""
    graph = unreached(name, objectives=objectives)
    trainer = Trainer(graph, points(), dtype="float64")
    p = {k: v.clone().requires_grad_() for k, v in trainer.plan.parameters.items()}
    start = {k: v.detach().clone() for k, v in p.items()}
    theirs = getattr(torch.optim, name)(p.values(), lr=0.05, weight_decay=0.1)
    for i in range(24):
        rows = trainer.batches.at(i)
        x, t = trainer.train_x[rows], trainer.train_t[rows]
        still = (x @ p["encoder.weight"].t() + p["encoder.bias"]).detach()
        scores = x @ p["out.weight"].t() + p["out.bias"] + still
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(scores, t).backward()
        theirs.step()
        if i < 6:
            trainer.train_step(record=i == 3)
    resumed = Trainer(graph, points(), dtype="float64")
    resumed.load_state(trainer.state(), trainer.step, trainer.lr)
    list(resumed.steps(18, ahead=12))
    for key, mine in resumed.plan.parameters.items():
        torch.testing.assert_close(mine, p[key].detach(), rtol=1e-6, atol=1e-8)
        assert torch.equal(mine, start[key]) != key.startswith("out")


def test_a_penalty_reaches_every_parameter() -> None:
    trainer = Trainer(unreached("SGD", l2=0.1), points())
    before = trainer.plan.parameters["head.weight"].norm()
    list(trainer.steps(5))
    assert trainer.plan.parameters["head.weight"].norm() < before


def normalised(batch: int) -> gc.Graph:
    graph = parse_layers("2-6-batchnorm-tanh-2")
    graph.set_training(gc.TrainingSettings(dataset="circle", batch=batch, epochs=3))
    return graph


def some(samples: int) -> datasets.Dataset:
    """So many samples to train on, and 201 to be judged by."""
    whole = datasets.load("circle", options={"samples": 2 * samples + 402}, seed=1)
    x, t = whole.train.inputs, whole.train.targets
    train, test = datasets.Split(x[:samples], t[:samples]), datasets.Split(x[:201], t[:201])
    return dataclasses.replace(whole, train=train, test=test)


@pytest.mark.parametrize(("samples", "batch"), [(33, 8), (33, 16), (33, 32), (3, 2), (49, 16)])
@pytest.mark.parametrize("ahead", [1, 50])
def test_a_last_sample_alone_is_joined_to_the_batch_before(
    samples: int, batch: int, ahead: int
) -> None:
    trainer = Trainer(normalised(batch), some(samples))
    assert "joined to the batch before it" in trainer.note
    assert trainer.steps_per_epoch == samples // batch
    seen = torch.cat([trainer.batches.at(i) for i in range(trainer.steps_per_epoch)])
    assert sorted(seen.tolist()) == list(range(samples))
    losses = [record.loss for record in trainer.steps(ahead=ahead)]
    assert len(losses) == 3 * (samples // batch)
    assert trainer.evaluate(trainer.data.test).samples == len(trainer.data.test)
    resumed = Trainer(normalised(batch), some(samples))
    half = Trainer(normalised(batch), some(samples))
    list(half.steps(len(losses) // 2))
    resumed.load_state(half.state(), half.step, half.lr)
    assert [r.loss for r in resumed.steps()] == losses[len(losses) // 2 :]


def test_batches_stay_as_they_are_where_one_sample_is_enough() -> None:
    trainer = Trainer(net(), points(66))
    samples = len(trainer.train_x)
    assert not trainer.note
    assert trainer.steps_per_epoch == -(-samples // 16)
    assert not Trainer(normalised(16), some(34)).note


def test_one_sample_in_all_is_refused_before_the_run() -> None:
    with pytest.raises(DataError, match=r"has one sample to train on\. BatchNorm1d needs more"):
        Trainer(normalised(8), some(1))


@pytest.mark.parametrize(
    ("layers", "said"), [("2-6-batchnorm-tanh-2", True), ("2-6-tanh-2", False)]
)
def test_batches_of_one_are_said_before_the_run(layers: str, said: bool) -> None:
    graph = parse_layers(layers)
    graph.set_training(gc.TrainingSettings(dataset="circle", batch=1, epochs=1))
    trainer = Trainer(graph, datasets.load("circle", options={"samples": 20}))
    assert ("A batch of one sample cannot be trained on: BatchNorm1d" in trainer.note) == said
    assert trainer.needs_several() == said


def test_a_large_net_keeps_buffers_for_one_pass_and_makes_the_same_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = datasets.load("digits")
    plain = Trainer(presets.load("mlp"), data)
    assert plain.at_once(200) == 200
    monkeypatch.setattr("graphcore.training.trainer.LARGE", 1)
    monkeypatch.setattr("graphcore.training.trainer.MOST_AT_ONCE", 40_000)
    large = Trainer(presets.load("mlp"), data)
    assert 1 <= large.at_once(200) < 200
    for trainer in (plain, large):
        for record in (False, True, False, False):
            trainer.train_step(record=record)
        trainer.look()
        trainer.train_step()
    assert torch.equal(plain.plan.flat, large.plan.flat)
    assert len(large.recorded._programs) == 1
    assert len(large.plan._programs) == 0
    assert large.evaluate(data.test).loss == pytest.approx(plain.evaluate(data.test).loss, rel=1e-6)
    assert len(large.evaluation_plan()._programs) == 0


@pytest.mark.parametrize("loss", ["BCEWithLogitsLoss", "BCELoss"])
def test_a_loss_of_yes_and_no_refuses_prices(loss: str) -> None:
    """Its formula gives numbers below 0 for them."""
    graph = presets.load("house-prices")
    s = graph.training
    data = datasets.load(s.dataset, options=s.dataset_options, seed=s.seed)
    answer, target = (graph.edge_into("loss", name).source for name in ("x", "target"))
    graph.remove("loss")
    graph.add(loss, name="loss")
    graph.connect(answer, "loss", input="x")
    graph.connect(target, "loss", input="target")
    with pytest.raises(GraphError, match=f"{loss}.*targets from 0 to 1"):
        Trainer(graph, data)
    shares = dataclasses.replace(
        data, train=dataclasses.replace(data.train, targets=data.train.targets * 0 + 0.5)
    )
    assert Trainer(graph, shares).binding.target == target


def test_whoever_looks_at_a_net_that_draws_numbers_sees_the_same() -> None:
    graph = presets.load("gan-2d")
    s = graph.training
    trainer = Trainer(graph, datasets.load(s.dataset, options=s.dataset_options, seed=s.seed))
    x, t = trainer.tensors(trainer.data.test, 3)
    feeds, loss = trainer.binding.feeds(x, t), trainer.binding.loss
    state = trainer.plan.generator.get_state()
    seen = []
    for _ in range(2):
        plan = trainer.looking_plan()
        plan.forward(feeds)
        seen.append(plan.number(loss))
        go_through(plan, feeds, loss)
        seen.append(plan.number(loss))
    assert len(set(seen)) == 1
    assert len({trainer.evaluate(trainer.data.test).loss for _ in range(2)}) == 1
    assert torch.equal(state, trainer.plan.generator.get_state())
