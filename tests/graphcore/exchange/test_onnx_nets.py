"""ONNX files of both of torch's exporters and of our own: the same numbers, as layers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

import graphcore as gc
from graphcore import presets
from graphcore.cli import main as cli
from graphcore.errors import EngineError, ExportError, FileError
from graphcore.exchange.net import ImportedNet
from graphcore.files.onnx import writer
from tests.graphcore.exchange.nets import NETS, seeded
from tests.graphcore.exchange.onnx_nets import ONNX_NETS, seeded_onnx
from tests.graphcore.files.onnx.test_writer import made

SAVED = Path(__file__).parent / "saved"
FILES = sorted(SAVED.glob("*.onnx"))
each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)


def module_of(path: Path) -> tuple[torch.nn.Module, list[torch.Tensor]]:
    name = path.stem.rpartition("_")[0]
    if name in NETS:
        net, inputs = seeded(name)
        return net, list(inputs.values())
    net, x = seeded_onnx(name)
    return net, [x]


def answers(module: torch.nn.Module, inputs: list[torch.Tensor]) -> list[np.ndarray]:
    with torch.no_grad():
        found = module(*inputs)
    return [t.numpy() for t in torch.utils._pytree.tree_leaves(found)]


def values(net: ImportedNet, inputs: list[Any]) -> list[np.ndarray]:
    plan = net.compile()
    plan.forward({n: np.asarray(v) for n, v in zip(net.inputs, inputs, strict=True)})
    return [plan.value(o).numpy() for o in net.outputs]


def assert_same(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    assert len(found) == len(wanted)
    for y, w in zip(found, wanted, strict=True):
        assert y.shape == w.shape
        largest = float(np.abs(w).max(initial=0.0)) or 1.0
        assert float(np.abs(y.astype(np.float64) - w).max(initial=0.0)) <= 1e-5 * largest


def operators(graph: gc.Graph) -> Counter[str]:
    found: Counter[str] = Counter()
    stack = [graph]
    while stack:
        for node in stack.pop():
            if node.operator not in ("Input", "Output", "Composite"):
                found[node.operator] += 1
            if node.subgraph is not None:
                stack.append(node.subgraph)
    return found


@each_file
def test_every_output_is_the_modules(path: Path) -> None:
    module, inputs = module_of(path)
    net = gc.open_net(path, check=True)
    assert_same(values(net, [t.numpy() for t in inputs]), answers(module, inputs))
    assert net.report.max_error is not None
    assert net.report.max_error <= 1e-5


@each_file
def test_the_batch_may_have_another_size(path: Path) -> None:
    module, inputs = module_of(path)
    net = gc.open_net(path)
    more = [torch.cat([t, t[:2]]) for t in inputs]
    assert_same(values(net, [t.numpy() for t in more]), answers(module, more))


def test_patterns_become_the_layers_that_they_are() -> None:
    decoder = Counter(
        Embedding=1, LayerNorm=1, Linear=5, ScaledDotProductAttention=1, GELU=2, Add=2, Split=1
    )
    for style in ("v17", "new", "plain"):
        found = operators(gc.open_net(SAVED / f"decoder_{style}.onnx").graph)
        moved = {"Reshape", "Transpose", "Permute", "Flatten"}
        assert Counter({k: n for k, n in found.items() if k not in moved}) == decoder, style
    for style in ("v9", "new", "plain"):
        found = operators(gc.open_net(SAVED / f"mobile_{style}.onnx").graph)
        assert {"Hardswish": 1, "GroupNorm": 1, "SiLU": 1, "Linear": 1, "Conv2d": 2}.items() <= (
            found.items()
        ), style
        assert found["BatchNorm2d"] == (style == "plain")
    rows = operators(gc.open_net(SAVED / "rows_v13.onnx").graph)
    assert (rows["LSTM"], rows["GRU"], rows["Linear"]) == (1, 2, 1)


def test_modules_are_composites_with_the_files_names() -> None:
    for style in ("new", "plain"):
        net = gc.open_net(SAVED / f"residual_{style}.onnx")
        first = net.graph.node("layers_0")
        assert first.attributes["title"] == "Block"
        assert ("in 4 places it is folded into the convolution" in str(net.report)) == (
            style == "new"
        )
        assert {"conv", "relu"} <= {n.name for n in first.subgraph}
    assert net.report.names["layers.0.conv.weight"] == "layers_0/conv.weight"
    assert net.report.parameters == sum(p.numel() for p in seeded("residual")[0].parameters())
    kept = net.weights["layers_0/bn.running_var"]
    wanted = seeded("residual")[0].layers[0].bn.running_var.numpy()
    assert np.array_equal(kept, wanted)


@pytest.mark.parametrize("name", presets.small())
def test_what_was_written_here_is_read_here(name: str, tmp_path: Path) -> None:
    model, _, plan = made(name)
    feeds = {}
    for one in model.graph.input:
        shape = [d.dim_value or 3 for d in one.type.tensor_type.shape.dim]
        feeds[one.name] = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    onnx.save(model, tmp_path / "net.onnx")
    net = gc.open_net(tmp_path / "net.onnx")
    assert_same(values(net, list(feeds.values())), writer.run_reference(model, feeds))
    if name != "gan-2d":  # half of it is left out of the file
        assert net.report.parameters == sum(p.numel() for p in plan.parameters.values())
    assert not net.report.aten


def test_a_net_is_saved_and_loaded_as_it_is(tmp_path: Path) -> None:
    net = gc.open_net(SAVED / "rows_new.onnx")
    gc.save(net.graph, tmp_path / "net.graph.json")
    again = gc.load(tmp_path / "net.graph.json")
    module, inputs = module_of(SAVED / "rows_new.onnx")
    other = ImportedNet(again, net.weights, net.inputs, net.outputs, net.report)
    assert_same(values(other, inputs), answers(module, inputs))


def test_the_command_line_reads_and_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "net.graph.json"
    line = ["import", str(SAVED / "unet_v13.onnx"), "--out", str(out), "--check", "--json"]
    assert cli.main(line) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["max_error"] <= 1e-5
    assert told["parameters"] == sum(p.numel() for p in ONNX_NETS["unet"][0]().parameters())
    assert Path(told["weights"]).exists()
    assert len(gc.load(out)) == told["nodes"]


def test_parameters_gradients_are_the_modules() -> None:
    for stem in ("mobile_plain", "mixed_plain", "residual_plain"):
        module, inputs = module_of(SAVED / f"{stem}.onnx")
        found = torch.utils._pytree.tree_leaves(module(*inputs))
        torch.stack([t.sum() for t in found if t.is_floating_point()]).sum().backward()
        net = gc.open_net(SAVED / f"{stem}.onnx")
        plan = net.compile(mode="train")
        plan.forward(dict(zip(net.inputs, [t.numpy() for t in inputs], strict=True)))
        out = net.outputs[0]
        plan.backward(out, np.ones(tuple(found[0].shape), np.float32))
        wanted = {n: p.grad for n, p in module.named_parameters() if n in net.report.names}
        assert len(wanted) >= len(plan.parameters) - 1
        largest = max(float(g.abs().max()) for g in wanted.values())
        for name, g in wanted.items():
            mine = plan.gradients[net.report.names[name]].reshape(g.shape)
            assert float((mine - g).abs().max()) <= 1e-5 * largest, name


# -- one operator at a time -----------------------------------------------------------------------


def model_of(
    operator: str, version: int, shape: tuple[Any, ...] = (2, 3, 4), *, constants: Any = (),
    outputs: int = 1, kind: int = onnx.TensorProto.FLOAT, **attributes: Any,
) -> onnx.ModelProto:  # fmt: skip
    """A file of one node that takes x, and constants after it; None is an input left out."""
    names = ["x", *(f"c{i}" if c is not None else "" for i, c in enumerate(constants))]
    node = helper.make_node(
        operator, names, [f"y{i}" for i in range(outputs)], "alone", **attributes
    )
    graph = helper.make_graph(
        [node], "net", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(f"y{i}", kind, None) for i in range(outputs)],
        [onnx.numpy_helper.from_array(np.asarray(c), f"c{i}")
         for i, c in enumerate(constants) if c is not None],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])


F32, I64 = np.float32, np.int64
VERSIONS: list[tuple[str, int, dict[str, Any]]] = [
    ("Softmax", 13, {"axis": 1}), ("LogSoftmax", 13, {}), ("Hardmax", 13, {"axis": 1}),
    ("Squeeze", 11, {"shape": (2, 1, 4), "axes": [1]}),
    ("Squeeze", 13, {"shape": (2, 1, 4), "constants": [np.array([1], I64)]}),
    ("Unsqueeze", 11, {"axes": [1, 4]}), ("Unsqueeze", 13, {"constants": [np.array([-1, 0], I64)]}),
    ("ReduceSum", 11, {"axes": [1], "keepdims": 0}),
    ("ReduceSum", 13, {"constants": [np.array([1, 2], I64)]}),
    ("ReduceMean", 13, {"axes": [-1]}), ("ReduceMean", 18, {"constants": [np.array([-1], I64)]}),
    ("ReduceMax", 18, {"noop_with_empty_axes": 1}), ("ReduceL2", 13, {"axes": [1]}),
    ("Clip", 7, {"min": -0.5, "max": 0.5}), ("Clip", 11, {"constants": [None, F32(0.25)]}),
    ("Slice", 9, {"starts": [1, 0], "ends": [3, 2], "axes": [1, 2]}),
    ("Slice", 10, {"constants": [np.array(v, I64) for v in ([3, 3], [-9, 0], [2, 1], [-2, -1])]}),
    ("Pad", 10, {"pads": [0, 1, 0, 0, 0, 2], "value": 3.0}),
    ("Pad", 18, {"constants": [np.array([1, 1], I64), None, np.array([2], I64)],
                 "mode": "reflect"}),
    ("Split", 11, {"axis": 1, "split": [1, 2], "outputs": 2}),
    ("Split", 18, {"axis": 2, "num_outputs": 3, "outputs": 3}),
    ("TopK", 11, {"constants": [np.array([2], I64)], "outputs": 2, "axis": 1}),
    ("Dropout", 7, {"ratio": 0.3}), ("Dropout", 13, {"constants": [F32(0.3)]}),
    ("Flatten", 11, {"axis": 2}), ("Cast", 13, {"to": onnx.TensorProto.FLOAT}),
    ("Upsample", 9, {"shape": (1, 2, 3, 3), "constants": [np.array([1, 1, 2, 2], F32)]}),
    ("Resize", 13, {"shape": (1, 2, 3, 3), "mode": "linear",
                    "constants": [None, np.array([1, 1, 2, 2], F32)]}),
    ("Resize", 13, {"shape": (1, 2, 4, 4), "mode": "cubic",
                    "constants": [None, None, np.array([1, 2, 7, 3], I64)]}),
    ("Reshape", 14, {"constants": [np.array([0, -1], I64)]}),
    ("Reshape", 14, {"constants": [np.array([2, 6, 2], I64)]}),
    ("Gemm", 13, {"shape": (2, 3), "constants": [np.arange(12, dtype=F32).reshape(3, 4),
                                                 np.arange(4, dtype=F32)],
                  "alpha": 0.5, "beta": 2.0}),
    ("AveragePool", 11, {"shape": (1, 1, 5, 5), "kernel_shape": [2, 2],
                         "auto_pad": "SAME_UPPER"}),
    ("MaxPool", 12, {"shape": (1, 1, 5, 5), "kernel_shape": [3, 3], "pads": [0, 2, 1, 0],
                     "strides": [2, 2]}),
    ("Conv", 11, {"shape": (2, 1, 6), "constants": [np.ones((2, 1, 3), F32)],
                  "auto_pad": "SAME_LOWER", "strides": [2]}),
    ("PRelu", 16, {"constants": [np.array([[0.1], [0.2], [0.3]], F32)]}),
    ("Gather", 13, {"constants": [np.array([[0, -1], [1, 1]], I64)], "axis": 2}),
    ("DepthToSpace", 13, {"shape": (2, 8, 2, 3), "blocksize": 2}),
    ("ArgMax", 13, {"axis": 1, "select_last_index": 1, "kind_out": 7}),
    ("CumSum", 14, {"constants": [np.array(1, I64)], "reverse": 1, "exclusive": 1}),
    ("Trilu", 14, {"upper": 0}), ("Shrink", 9, {"lambd": 0.5, "bias": 0.2}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "version", "more"), VERSIONS, ids=[f"{o}-{v}-{i}" for i, (o, v, _) in
                                                    enumerate(VERSIONS)]
)  # fmt: skip
def test_an_operator_is_read_as_its_version_says(
    operator: str, version: int, more: dict[str, Any], tmp_path: Path
) -> None:
    given = {k: v for k, v in more.items() if k != "kind_out"}
    model = model_of(operator, version, **given)
    onnx.save(model, tmp_path / "net.onnx")
    shape = tuple(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = values(gc.open_net(tmp_path / "net.onnx"), [x])
    assert_same(found, [np.asarray(v) for v in writer.run_reference(model, {"x": x})])


def test_operators_that_the_reference_evaluator_has_wrongly(tmp_path: Path) -> None:
    """Before version 13 softmax is over all axes together; LRN; Resize of version 10."""
    path, x = tmp_path / "net.onnx", np.random.default_rng(0).normal(size=(2, 3, 4)).astype(F32)
    e = np.exp(x.reshape(2, -1)) / np.exp(x.reshape(2, -1)).sum(1, keepdims=True)
    one = (e == e.max(1, keepdims=True)).astype(F32)
    for operator, wanted in (("Softmax", e), ("LogSoftmax", np.log(e)), ("Hardmax", one)):
        onnx.save(model_of(operator, 11, axis=1), path)
        assert_same(values(gc.open_net(path), [x]), [wanted.reshape(2, 3, 4)])
    image = np.random.default_rng(0).normal(size=(1, 5, 3, 3)).astype(F32)
    onnx.save(model_of("LRN", 13, image.shape, size=4, alpha=0.5), path)
    squares = [sum(image[:, max(0, c - 1) : c + 3] ** 2).sum(0) for c in range(5)]
    wanted = image / (1 + 0.5 / 4 * np.stack(squares)[None]) ** 0.75
    assert_same(values(gc.open_net(path), [image]), [wanted])
    onnx.save(model_of("Resize", 10, image.shape, constants=[np.array([1, 1, 2, 2], F32)]), path)
    assert_same(values(gc.open_net(path), [image]), [image.repeat(2, 2).repeat(2, 3)])


def test_what_is_not_known_is_refused_by_operator_and_node(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    for model, why in (
        (model_of("NonMaxSuppression", 11), r"net\.onnx: NonMaxSuppression \(alone\) is not un"),
        (model_of("Relu", 14, domain="com.other"), r"Relu \(alone\) of com\.other is not und"),
        (model_of("NonZero", 13), r"NonZero \(alone\) is refused"),
        (model_of("Relu", 25), "its operators are of version 25; 6 to 24 are read"),
        (model_of("Relu", 13, kind=onnx.TensorProto.STRING), "numbers of a kind that is not read"),
        (model_of("Dropout", 13, constants=[F32(0.5), np.array(True)]), "drops numbers as in tr"),
        (model_of("Squeeze", 11, axes=[1]), "takes an axis away that is longer than 1"),
    ):
        onnx.save(model, path)
        with pytest.raises(FileError, match=why):
            gc.open_net(path)


def test_sizes_that_the_file_leaves_open_are_those_of_an_example(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(model_of("Relu", 14, ("batch", "length", 3)), path)
    net = gc.open_net(path)
    assert net.graph.node("x").attributes["shape"] == (8, 3)
    assert "leaves the size 'length' open; here it is 8" in str(net.report)
    net = gc.open_net(path, example=np.zeros((2, 5, 3)))
    assert net.graph.node("x").attributes["shape"] == (5, 3)


def test_without_the_package_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ExportError, match=r"pip install gradscape\[onnx\] brings it"):
        gc.open_net(SAVED / "unet_v13.onnx")


TRAINING = "ai.onnx.preview.training"


def with_gradient(path: Path, xs: list[str], y: str) -> dict[str, np.ndarray]:
    """A file whose Gradient is that of y = Σ tanh(x W)², for every number of samples."""
    weight = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["z"]), helper.make_node("Tanh", ["z"], ["a"]),
        helper.make_node("Mul", ["a", "a"], ["q"]), helper.make_node("Sigmoid", ["x"], ["s"]),
        helper.make_node("ReduceSum", ["q", "axes"], ["y"], keepdims=0),
        helper.make_node("Gradient", xs, [f"g{n}" for n in xs], domain=TRAINING, xs=xs, y=y),
    ]  # fmt: skip
    infos = [helper.make_tensor_value_info(f"g{n}", 1, None) for n in xs]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", 1, ["N", 4])], infos,
        [onnx.numpy_helper.from_array(weight, "W"),
         onnx.numpy_helper.from_array(np.array([1]), "axes")],
    )  # fmt: skip
    versions = [helper.make_opsetid("", 18), helper.make_opsetid(TRAINING, 1)]
    onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=10), path)
    return {"W": weight}


def test_a_gradient_in_a_file_is_worked_out(tmp_path: Path) -> None:
    held = with_gradient(tmp_path / "g.onnx", ["x", "W"], "y")
    net = gc.open_net(tmp_path / "g.onnx")
    x = torch.linspace(-1, 1, 24).reshape(6, 4).requires_grad_()
    weight = torch.from_numpy(held["W"]).requires_grad_()
    torch.tanh(x @ weight).square().sum().backward()
    assert_same(values(net, [x.detach()]), [x.grad.numpy(), weight.grad.numpy()])


def test_a_gradient_by_what_does_not_lead_there_is_refused(tmp_path: Path) -> None:
    with_gradient(tmp_path / "g.onnx", ["x", "W"], "s")
    with pytest.raises(FileError, match=r"Gradient .* does not depend on its inputs"):
        gc.open_net(tmp_path / "g.onnx")


def with_unknown(path: Path, said: bool) -> None:
    """A file with an operator of somebody else's between two layers."""
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["z"], name="fc"),
        helper.make_node("Odd", ["z"], ["q"], name="odd", domain="com.microsoft", alpha=0.5),
        helper.make_node("Relu", ["q"], ["y"], name="act"),
    ]
    q = [helper.make_tensor_value_info("q", 1, ["N", 3])] if said else []
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", 1, ["N", 4])],
        [helper.make_tensor_value_info("y", 1, ["N", 3])],
        [onnx.numpy_helper.from_array(np.ones((4, 3), np.float32), "W")], value_info=q,
    )  # fmt: skip
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=versions, ir_version=10), path)


def test_an_operator_without_a_counterpart_becomes_a_placeholder(tmp_path: Path) -> None:
    with_unknown(tmp_path / "odd.onnx", said=True)
    net = gc.open_net(tmp_path / "odd.onnx")
    assert list(net.report.placeholders) == ["com.microsoft.Odd"]
    assert "com.microsoft.Odd is a placeholder" in str(net.report)
    graph = gc.files.loads(gc.files.dumps(net.graph))
    (node,) = [n for n in graph if n.operator == "Placeholder"]
    assert json.loads(node.attributes["settings"]) == {"alpha": 0.5}
    assert not gc.check(graph)
    plan = net.compile()
    with pytest.raises(EngineError, match=r"com\.microsoft\.Odd is a placeholder"):
        plan.forward({net.inputs[0]: np.ones((2, 4), np.float32)})
    assert (plan.value("linear").numpy() == 4).all()
    with pytest.raises(ExportError, match=r"com\.microsoft\.Odd has no form in ONNX"):
        writer.model_of(graph, gc.compile(graph), name="net")


def test_an_unknown_operator_without_a_shape_is_refused(tmp_path: Path) -> None:
    with_unknown(tmp_path / "odd.onnx", said=False)
    with pytest.raises(FileError, match=r"Odd \(odd\) of com\.microsoft is not understood"):
        gc.open_net(tmp_path / "odd.onnx")
