"""``bench --to-accuracy`` trains the same nets in both, and ``train --until`` stops when told."""

import json

import pytest
import torch

from app.__main__ import main
from graphcore import compile, presets
from graphcore.cli import to_accuracy


@pytest.mark.parametrize("net", to_accuracy.LAYERS)
def test_the_script_has_the_layers_of_the_preset(net):
    from torch import nn

    model = eval(f"nn.Sequential({to_accuracy.LAYERS[net]})", {"nn": nn})
    ours = sorted(tuple(p.shape) for p in compile(presets.load(net)).parameters.values())
    assert sorted(tuple(p.shape) for p in model.parameters()) == ours
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_without_mnist_nothing_is_timed(monkeypatch, capsys):
    monkeypatch.setattr(to_accuracy.datasets, "find_mnist", lambda: None)
    assert main(["bench", "--to-accuracy"]) == 1
    assert "fetches it" in capsys.readouterr().err


def test_a_run_ends_at_the_accuracy_that_was_named(capsys):
    arguments = ["train", "circle", "--epochs", "40", "--until", "0.7", "--json"]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["test_accuracy"] >= 0.7
    assert result["steps"] < 40 * 25
    assert main([*arguments[:-2], "7"]) == 1
    assert "share above 0" in capsys.readouterr().err
