"""Weights of other programs: what fits by name, what by shape, and what is said of the rest."""

import pytest
import torch
from safetensors.torch import save_file

import graphcore as gc
from graphcore.engine.plan import Plan
from graphcore.errors import FileError
from graphcore.files.state_dict import read_state_dict, read_tensors
from graphcore.files.weights import fill, match_weights, read_weights, state, write_weights
from graphcore.graph.famous import transformers
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.runnable import runnable_part
from tests.graphcore.files.fitting import fit_weights
from tests.graphcore.graph.test_composites import grouped


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
        f"{linear[1]}.weight": torch.ones(3, 5), "head.bias": torch.full((3,), 2.0),
        "norm.num_batches_tracked": torch.tensor(0), "extra": torch.zeros(9),
    }  # fmt: skip
    fit = fit_weights(plan, theirs)
    assert fit.by_shape == (f"{linear[1]}.bias",)
    assert fit.unused == ("extra",)
    assert float(plan.parameters[f"{linear[1]}.bias"].mean()) == 2.0


# A net with fc1 (8, 4) and fc2 (3, 8), and one with two layers of the same shape, as other
# programs leave them.


def net(**layers: tuple[int, int]) -> Plan:
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(next(iter(layers.values()))[1],))
    last = "x"
    for name, (outputs, _) in layers.items():
        graph.add("Linear", name=name, out_features=outputs)
        graph.connect(last, name)
        last = name
    return gc.compile(graph)


def left(**layers: tuple[int, int]) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for name, (outputs, inputs) in layers.items():
        for key, shape in ((f"{name}.bias", (outputs,)), (f"{name}.weight", (outputs, inputs))):
            k, t = torch.arange(float(torch.Size(shape).numel())), len(tensors)
            tensors[key] = 0.4 * torch.sin(1.3 * k + 0.7 * t + 0.2).reshape(shape)
    return tensors


TWO = {"fc1": (8, 4), "fc2": (3, 8)}
DOUBLE = torch.float64
SQUARE = {"a": (4, 4), "b": (4, 4)}


@pytest.mark.parametrize("layers", [TWO, SQUARE])
@pytest.mark.parametrize("prefix", ["", "module.", "state_dict.model.", "_orig_mod.", "a.b/c."])
def test_a_prefix_of_all_names_does_not_matter(layers, prefix, tmp_path) -> None:
    plan, tensors = net(**layers), left(**layers)
    given = {prefix + name: t for name, t in reversed(list(tensors.items()))}
    save_file(given, tmp_path / "w.safetensors")
    fit = fit_weights(plan, read_tensors(tmp_path / "w.safetensors"))
    assert fit.sources == {name: prefix + name for name in plan.parameters}
    assert fit.by_shape == fit.unused == ()
    for name, tensor in plan.parameters.items():
        assert torch.equal(tensor, tensors[name]), name


def changed(layers: dict[str, tuple[int, int]], **new: torch.Tensor | None):
    tensors: dict[str, torch.Tensor | None] = {**left(**layers)}
    tensors |= {name.replace("__", "."): t for name, t in new.items()}
    return {name: t for name, t in tensors.items() if t is not None}


REFUSED = {
    "a bias is missing": (TWO, changed(TWO, fc2__bias=None), "no tensor for fc2.bias of the"),
    "NaN": (TWO, changed(TWO, fc1__bias=torch.tensor([torch.nan] * 8)), "8 values .* NaN"),
    "infinite": (TWO, changed(TWO, fc1__bias=torch.full((8,), torch.inf)), "8 values"),
    "too large": (TWO, changed(TWO, fc2__bias=torch.full((3,), 1e300, dtype=DOUBLE)), "3 values"),
    "int8": (TWO, changed(TWO, fc2__bias=torch.ones(3, dtype=torch.int8)), "fc2.bias is int8"),
    "bool": (TWO, changed(TWO, fc2__bias=torch.ones(3, dtype=torch.bool)), "fc2.bias is bool"),
    "transposed": (TWO, {n: t.T.clone() if t.ndim == 2 else t for n, t in left(**TWO).items()},
                   r"shape \(8, 4\), in the file \(4, 8\) \(transposed, as Keras"),
    "one transposed": (TWO, changed(TWO, fc2__weight=torch.ones(8, 3)), r"\(transposed, as Keras"),
    "another shape": (TWO, changed(TWO, fc2__weight=torch.ones(9, 8)), r"in the file \(9, 8\)"),
    "renamed squares": (SQUARE, {n.replace("a.", "p.").replace("b.", "q."): t
                                 for n, t in left(**SQUARE).items()}, "and 3 more"),
    "two nets": (SQUARE, {p + n: t for p in ("model.", "ema.") for n, t in left(**SQUARE).items()},
                 "more than one net that fits"),
    "nothing": (TWO, {}, "none at all"),
    "long names": (TWO, {f"{'x' * 100_000}\n{n}": t for n, t in left(**SQUARE).items()},
                   "no tensor"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_the_nets_is_refused_and_nothing_is_loaded(what) -> None:
    layers, tensors, said = REFUSED[what]
    plan = net(**layers)
    before = plan.flat.clone()
    with pytest.raises(FileError, match=said) as refusal:
        fit_weights(plan, tensors)
    assert torch.equal(plan.flat, before)
    assert len(str(refusal.value)) <= 300
    assert "\n" not in str(refusal.value)


def test_other_precisions_are_converted() -> None:
    for kind in (torch.float16, torch.bfloat16, torch.float64):
        plan, tensors = net(**TWO), {n: t.to(kind) for n, t in left(**TWO).items()}
        fit_weights(plan, tensors)
        assert torch.equal(plan.parameters["fc1.weight"], tensors["fc1.weight"].float())


def test_only_kinds_of_the_same_name_are_matched_by_shape() -> None:
    tensors = {"scale": torch.ones(8), **changed(TWO, fc1__bias=None)}
    with pytest.raises(FileError, match=r"no tensor for fc1\.bias"):
        fit_weights(net(**TWO), tensors)


class Trap:
    """What a pickle would run."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self):
        return open, (self.mark, "w")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_of_torch_gives_its_tensors_and_runs_nothing(zipped, tmp_path) -> None:
    path, mark = tmp_path / "net.pth", tmp_path / "ran"
    kept = {"epoch": 3, "model": left(**TWO), "lr": [0.1]}
    torch.save(kept, path, _use_new_zipfile_serialization=zipped)
    plan, tensors = net(**TWO), read_state_dict(path)
    fit = fit_weights(plan, tensors)
    assert fit.unused == fit.by_shape == ()
    assert torch.equal(plan.parameters["fc1.weight"], kept["model"]["fc1.weight"])
    torch.save({**kept, "trap": Trap(str(mark))}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(FileError, match=r"more than tensors.* Nothing of it was run"):
        read_state_dict(path)
    assert not mark.exists()
    for damaged in (path.read_bytes()[:200], b"", b"PK\x03\x04", b"\x80\x02."):
        path.write_bytes(damaged)
        with pytest.raises(FileError) as refusal:
            read_state_dict(path)
        assert "\n" not in str(refusal.value)
    torch.save({"epoch": 1}, path)
    with pytest.raises(FileError, match="no tensors"):
        read_state_dict(path)


def test_names_that_say_nothing_are_matched_in_order_where_the_order_is_the_modules() -> None:
    names = {"a": "q", "b": "p"}
    theirs = {f"{names[n[0]]}.{n[2:]}": t for n, t in left(**SQUARE).items()}
    plan = net(**SQUARE)
    fit = match_weights(plan.parameters, theirs, ordered=True)
    assert set(fit.by_order) == set(plan.parameters)
    assert fit.sources["a.weight"] == "q.weight"
    del theirs["p.bias"]
    with pytest.raises(FileError, match=r"no tensor for a\.bias and 1 more"):
        match_weights(plan.parameters, theirs, ordered=True)


def test_what_fits_can_be_taken_alone() -> None:
    plan = net(**TWO)
    before = plan.parameters["fc2.weight"].clone()
    theirs = changed(TWO, fc2__weight=torch.ones(9, 8), fc2__bias=torch.full((3,), torch.nan))
    fit = match_weights(plan.parameters, theirs, partly=True)
    fill(plan, fit, theirs)
    assert set(fit.sources) == {"fc1.weight", "fc1.bias"}
    assert "in the file (9, 8)" in fit.left_out["fc2.weight"]
    assert "NaN" in fit.left_out["fc2.bias"]
    assert torch.equal(plan.parameters["fc1.weight"], theirs["fc1.weight"])
    assert torch.equal(plan.parameters["fc2.weight"], before)
    with pytest.raises(FileError, match="nothing was loaded"):
        match_weights(plan.parameters, {"fc9.weight": torch.ones(2, 2)}, partly=True)


def test_gpt2s_published_kernels_are_transposed_the_square_ones_too() -> None:
    part = runnable_part(transformers.gpt2(blocks=1))
    own = state(gc.compile(part))
    torch.manual_seed(0)
    file = {}
    for name in own:
        called = name.replace("/", ".").replace("._", ".").replace("wte_weight", "wte.weight")
        drawn = torch.randn(own[name].shape)
        is_kernel = ".c_" in called and called.endswith(".weight")
        file[f"transformer.{called}"] = drawn.t() if is_kernel else drawn
    file["transformer.h.0.attn.bias"] = torch.ones(1, 1, 8, 8)  # its mask
    fit = match_weights(own, file)
    assert len(fit.turned) == 4
    assert fit.unused == ("transformer.h.0.attn.bias",)
    square = fit.given(file)["h/_0/attn/c_proj.weight"]
    torch.testing.assert_close(square, file["transformer.h.0.attn.c_proj.weight"].t())
    straight = {k: t.t() if k in fit.turned else t for k, t in file.items()}
    assert not match_weights(own, straight).turned
