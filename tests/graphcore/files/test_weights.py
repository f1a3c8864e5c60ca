"""Weights of other programs: what fits by name, what by shape, and what is said of the rest."""

import torch

import graphcore as gc
from graphcore.files.weights import fit_weights, read_tensors, read_weights, write_weights
from graphcore.layer_list import parse_layers
from tests.graphcore.test_composites import grouped


def plan_of(text: str):
    graph = parse_layers(text)
    return gc.compile(graph)


def test_a_file_comes_back_as_it_went(tmp_path) -> None:
    plan = plan_of("4-5-relu-3")
    write_weights(tmp_path / "w.safetensors", plan)
    before = plan.flat.clone()
    plan.flat.zero_()
    read_weights(tmp_path / "w.safetensors", plan)
    assert torch.equal(plan.flat, before)
    assert read_tensors(tmp_path / "w.safetensors").keys() == plan.parameters.keys()


def test_names_of_composites_and_of_torch_are_understood() -> None:
    graph = parse_layers("4-5-relu-3")
    linear = [n.name for n in graph if n.operator == "Linear"]
    plan = gc.compile(grouped(graph, linear[0]))
    theirs = {
        f"block.{linear[0]}.weight": torch.ones(5, 4), f"block_{linear[0]}.bias": torch.ones(5),
        f"{linear[1]}.weight": torch.ones(3, 6), "head.bias": torch.full((3,), 2.0),
        "norm.num_batches_tracked": torch.tensor(0), "extra": torch.zeros(9),
    }  # fmt: skip
    fit = fit_weights(plan, theirs)
    assert set(fit.loaded) == {
        f"block/{linear[0]}.weight", f"block/{linear[0]}.bias", f"{linear[1]}.bias",
    }  # fmt: skip
    assert fit.other_shape == (f"{linear[1]}.weight",)
    assert fit.missing == ()
    assert fit.unused == ("extra",)
    assert float(plan.parameters[f"{linear[1]}.bias"].mean()) == 2.0


def test_a_shape_that_occurs_twice_is_not_guessed() -> None:
    plan = plan_of("4-4-relu-4")
    fit = fit_weights(plan, {"a": torch.ones(4, 4), "b": torch.ones(4, 4), "c": torch.ones(4)})
    assert fit.loaded == ()
    assert len(fit.missing) == 4
    assert fit.unused == ("a", "b", "c")
