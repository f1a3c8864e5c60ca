"""Options out of range or of another kind: refused wherever they come from, as by torch."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
import torch

import graphcore as gc
from graphcore import datasets, files
from graphcore.cli import main as cli
from graphcore.errors import FileError, GradscapeError
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import Objective, TrainingSettings
from graphcore.training import optimizers, schedules, settings_check
from graphcore.training.trainer import Trainer

NUMBERS = (-1e30, -1.0, -0.5, 0.0, 0.5, 1.0, 1.1, 1e30)
NO_NUMBERS: tuple[Any, ...] = (math.nan, math.inf, "x", None, [1.0], True, 10**400, 10**6000, 1e300)
RULES = [(name, option) for name in optimizers.names() for option in optimizers.get(name).options]
PLANS = [(name, option) for name in schedules.names() for option in schedules.options(name)]
OF_RUN = ("lr", "clip_norm", "l1", "l2", "epochs", "batch", "patience", "seed")
OBJECTIVE = Objective(loss="a", optimizer="SGD", optimizer_options={"momentum": -1})
STRICTER = {"onecycle", "step", "warmup"}
"""Schedules whose torch counterpart divides by 0, or that torch has none of."""


def refused(settings: TrainingSettings) -> str:
    """Why settings are refused, "" if they are not: wherever they come from, the same."""
    graph = parse_layers("2-3-2")
    graph.training = settings
    said = []
    for way in (lambda: settings_check.check(settings), lambda: Trainer(graph, circle(), settings)):
        try:
            way()
            said.append("")
        except GradscapeError as error:
            said.append(str(error))
    assert len(set(said)) == 1, said
    assert len(said[0]) <= 300
    assert "\n" not in said[0]
    try:
        content = files.dumps(graph)
    except FileError:  # infinity and NaN cannot be written
        return said[0]
    try:
        files.loads(content)
        assert not said[0]
    except FileError as error:
        assert "object at 0x" not in str(error)
        assert said[0]
    return said[0]


def circle() -> datasets.Dataset:
    return datasets.load("circle", options={"samples": 40}, seed=1)


def torch_takes(name: str, option: str, value: Any) -> bool:
    """Whether torch.optim makes such an optimiser."""
    chosen = {**optimizers.get(name).options, option: value}
    if "beta1" in chosen:
        chosen["betas"] = (chosen.pop("beta1"), chosen.pop("beta2"))
    try:
        getattr(torch.optim, name)([torch.zeros(1, requires_grad=True)], lr=0.1, **chosen)
    except (ValueError, TypeError):
        return False
    return True


@pytest.mark.parametrize(("name", "option"), RULES)
def test_an_optimiser_takes_what_torchs_takes(name: str, option: str) -> None:
    switch = isinstance(optimizers.get(name).options[option], bool)
    for value in (True, False) if switch else NUMBERS:
        settings = TrainingSettings(optimizer=name, optimizer_options={option: value})
        why = refused(settings)
        assert bool(why) != torch_takes(name, option, value), value
        assert not why or (option in why and name in why), why
    for value in (1.0, "x", None) if switch else NO_NUMBERS:
        assert refused(TrainingSettings(optimizer=name, optimizer_options={option: value})), value


@pytest.mark.parametrize(("name", "option"), PLANS)
def test_a_schedule_takes_numbers_that_it_can_compute_with(name: str, option: str) -> None:
    for value in NUMBERS:
        settings = TrainingSettings(schedule=name, schedule_options={option: value}, epochs=40)
        if refused(settings):
            assert name in STRICTER or (name, option) == ("plateau", "gamma"), value
            continue
        for step in (0, 1, 399):
            moment = schedules.Moment(step, 400, step // 10, 40, [1.0] * (step // 10))
            assert isinstance(schedules.factor(name, moment, settings.schedule_options), float)
    for value in NO_NUMBERS:
        assert refused(TrainingSettings(schedule=name, schedule_options={option: value})), value


@pytest.mark.parametrize("name", OF_RUN)
def test_a_number_of_a_run(name: str) -> None:
    optional = getattr(TrainingSettings(), name) is None
    for value in (-1, *NO_NUMBERS[: 3 if optional else 4], *NO_NUMBERS[4:]):
        settings = msgspec.structs.replace(TrainingSettings(), **{name: value})
        assert name in refused(settings), value


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lr": -0.1}, "lr takes a number of at least 0, got -0.1"),
        ({"optimizer": "Adem"}, "There is no optimiser called 'Adem'"),
        ({"schedule": "cosin"}, "There is no schedule called 'cosin'"),
        ({"optimizer_options": {"beta3": 1}}, "Adam has no option 'beta3'; it has: beta1, "),
        ({"optimizer": "SGD", "optimizer_options": {"nesterov": True}}, "needs a momentum"),
        ({"objectives": (Objective(loss="a", lr=-1.0),)}, "The lr of a takes"),
        ({"objectives": (OBJECTIVE,)}, "SGD: momentum takes a number of at least 0, got -1"),
        ({"augmentation": {"shift": -1.0}}, "strength from 0 on, not -1.0"),
    ],
)  # fmt: skip
def test_what_is_said(changes: dict[str, Any], said: str) -> None:
    assert said in refused(msgspec.structs.replace(TrainingSettings(), **changes))


@pytest.mark.parametrize(
    ("training", "given", "said"),
    [
        ({"lr": -0.1}, (), "lr takes a number of at least 0, got -0.1."),
        ({}, ("--lr", "-0.1"), "--lr takes a number of at least 0, got -0.1."),
        ({}, ("--lr", "nan"), "--lr takes a number of at least 0, got nan (at most"),
        ({}, ("--batch", "0"), "--batch takes a whole number of at least 1, got 0."),
        ({"optimizer": "RMSprop", "optimizer_options": {"momentum": -1}}, (), "got -1."),
        ({"schedule": "onecycle", "schedule_options": {"start": 0}}, (), "above 0, got 0."),
    ],
)
def test_the_command_line_says_it_in_one_line(
    training: dict[str, Any], given: tuple[str, ...], said: str, tmp_path: Any, capsys: Any
) -> None:
    graph = parse_layers("2-3-2")
    content = json.loads(files.dumps(graph))
    content["training"] = {"dataset": "circle", "epochs": 1, **training}
    path = tmp_path / "net.graph.json"
    path.write_text(json.dumps(content))
    assert cli.main(["train", str(path), *given]) != 0
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_rate_of_0_is_allowed() -> None:
    assert not refused(TrainingSettings(lr=0.0))
    assert settings_check.check(gc.TrainingSettings()) is None
