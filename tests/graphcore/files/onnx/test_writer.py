"""ONNX files: every operator and every preset give our numbers in ONNX's reference evaluator."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import graphcore as gc
from graphcore import presets
from graphcore.cli import main as cli
from graphcore.errors import ExportError, GradscapeError
from graphcore.files.onnx import writer
from graphcore.graph.binding import bind, learns
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.shapes import ShapeInference
from tests.graphcore.files.torch.test_script import TRIALS, graph_of
from tests.graphcore.graph.test_composites import grouped
from tests.graphcore.ops.oracle import Trial, label

onnx = pytest.importorskip("onnx")

NO_FORM = {"Formula", "Hold", "RandomNormalLike"}
"""Operators that ONNX has no word for; so have losses none."""


def shown(trial: Trial) -> bool:
    return trial.op.category not in ("loss", "composite") and trial.op.name not in NO_FORM


def results(model: onnx.ModelProto, trial: Trial, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What a model gives in the reference evaluator, or where that is wrong, in onnxruntime."""
    a = trial.case.attributes
    lacks = (
        trial.op.category == "convolution"
        and "Transpose" in trial.op.name
        and (a.get("groups", 1) > 1 or "dilation" in a)
    )
    if not lacks and a.get("nonlinearity") != "relu":
        return writer.run_reference(model, feeds)
    if a.get("output_padding") == (1, 0):
        pytest.skip("neither evaluator takes an output padding as large as the stride")
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)


def off(found: np.ndarray, wanted: torch.Tensor) -> float:
    w = wanted.numpy()
    assert found.shape == w.shape
    same = (found == w) | (np.isnan(found) & np.isnan(w))
    apart = np.abs(np.where(same, 0.0, found.astype(np.float64) - w))
    return float(apart.max(initial=0.0) / max(1.0, np.abs(w[np.isfinite(w)]).max(initial=0.0)))


@pytest.mark.parametrize("trial", [t for t in TRIALS if shown(t)], ids=label)
def test_every_operator_is_the_same_in_onnx(trial: Trial) -> None:
    shapes = trial.case.shapes
    batch = len({s[:1] for s in shapes}) == 1 and bool(shapes[0])
    graph, feeds = graph_of(trial, batch)
    if batch and ShapeInference(graph).problems:
        graph, feeds = graph_of(trial, batch=False)
    plan = gc.compile(graph)
    for i, name in enumerate(plan.parameters):
        plan.parameters[name].copy_(trial.inputs[len(shapes) + i])
    plan.forward(feeds)
    try:
        model = writer.model_of(graph, plan, name="alone")
    except ExportError as error:
        if trial.op.name == "Aten" and "has no form in ONNX" in str(error):
            return
        if trial.attributes.get("proj_size"):
            assert "has no recurrent layer with a projection" in str(error)
            return
        assert "batch axis has no fixed length" in str(error)
        graph, feeds = graph_of(trial, batch=False)
        values = plan.state_dict()
        plan = gc.compile(graph)
        plan.load_state_dict(values)
        plan.forward(feeds)
        model = writer.model_of(graph, plan, name="alone")
    onnx.checker.check_model(model, full_check=True)
    given = {k: _fed(x) for k, x in feeds.items()}
    found = results(model, trial, given)
    assert off(found[0], plan.value("node")) <= 1e-5


@pytest.mark.parametrize(
    ("operator", "a"),
    [
        ("MaxPool2d", {"kernel_size": 2, "stride": 3}),  # a last window begins outside
        ("MaxPool2d", {"kernel_size": 3, "stride": 2, "padding": 1}),
        ("MaxPool2d", {"kernel_size": 2, "stride": 2, "dilation": 2}),
        ("AvgPool2d", {"kernel_size": 2, "stride": 2}),
        ("AvgPool2d", {"kernel_size": 3, "stride": 2, "padding": 1}),
        ("AvgPool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
    ],
)
@pytest.mark.parametrize("length", [5, 6, 7])
def test_windows_that_stand_out_over_the_edge_are_the_same(operator, a, length) -> None:
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(2, length, length + 1))
    graph.add(operator, name="y", ceil_mode=True, **a)
    graph.connect("x", "y")
    plan, x = gc.compile(graph), torch.randn(2, 2, length, length + 1)
    plan.forward({"x": x})
    model = writer.model_of(graph, plan, name="windows")
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for found in (
        session.run(None, {"x": x.numpy()}),
        writer.run_reference(model, {"x": x.numpy()}),
    ):
        assert off(found[0], plan.value("y")) <= 1e-6


def _fed(x: torch.Tensor) -> np.ndarray:
    return x.numpy().astype(np.float32 if x.is_floating_point() else np.int64)


def made(name: str) -> tuple[onnx.ModelProto, gc.Graph, torch.nn.Module]:
    graph = presets.load(name)
    plan = gc.compile(graph, mode="inspect")
    answer = bind(graph).output if learns(graph) else ""
    return writer.model_of(graph, plan, name=name, answer=answer), graph, plan


@pytest.mark.parametrize("name", presets.small())
def test_every_preset_is_the_same_in_onnx(name: str) -> None:
    model, graph, plan = made(name)
    onnx.checker.check_model(model, full_check=True)
    rng = np.random.default_rng(0)
    feeds = {}
    for node in graph:
        a = node.attributes
        if node.operator == "Input" and a["value"] is None:
            feeds[node.name] = rng.normal(size=(3, *a["shape"])).astype(np.float32)
        elif node.operator == "Input":
            feeds[node.name] = np.asarray(a["value"], np.float32)
        elif node.operator == "Target":
            feeds[node.name] = _target(graph, node)
    plan.forward(feeds)
    taken = {i.name for i in model.graph.input}
    given = {k: v for k, v in feeds.items() if k in taken}
    for found in evaluated(model, given):
        for output, value in zip(model.graph.output, found, strict=True):
            assert off(value, plan.value(output.name)) <= 1e-5, output.name


def test_tables_of_numbers_that_are_not_learned_keep_their_kind() -> None:
    """Places of GPT's words, an index kept with the weights, a scale."""
    g = gc.Graph()
    g.add("Input", name="x", shape=(3,))
    g.add("Constant", name="place", value=[2, 0, 1], dtype="int")
    g.add("Buffer", name="kept", shape=(3,), dtype="int", start=[1, 1, 2])
    g.add("Buffer", name="scale", shape=(3, 2), start=[[1, 2], [3, 4], [5, 6]])
    for name, index in (("first", "place"), ("second", "kept")):
        g.add("Embedding", name=name, num_embeddings=3, embedding_dim=2)
        g.connect(index, name, input="x")
    g.add("Add", name="both")
    g.connect("first", "both", input="a"), g.connect("second", "both", input="b")
    g.add("Mul", name="scaled")
    g.connect("both", "scaled", input="a"), g.connect("scale", "scaled", input="b")
    g.add("MatMul", name="y")
    g.connect("x", "y", input="a"), g.connect("scaled", "y", input="b")
    plan, x = gc.compile(g), np.eye(3, dtype=np.float32)
    plan.forward({"x": x})
    model = writer.model_of(g, plan, name="tables")
    onnx.checker.check_model(model, full_check=True)
    for (found,) in evaluated(model, {"x": x}):
        assert off(found, plan.value("y")) <= 1e-6


SAVED = Path(__file__).parents[2] / "exchange" / "saved"
NOT_IN_ONNX = {
    "heads.pt2": "aten.select_scatter.default",
}  # fmt: skip
"""Imported nets with an operator of torch's own that has no form in ONNX."""


@pytest.mark.parametrize(
    "path", sorted([*SAVED.glob("*.pt2"), *SAVED.glob("*.onnx")]), ids=lambda p: p.name
)
def test_every_imported_net_is_the_same_in_onnx_or_refused_by_name(path: Path) -> None:
    net = gc.open_net(path)
    plan, feeds = net.compile(), {}
    for name in net.inputs:
        a = net.graph.node(name).attributes
        shape = (2, *a["shape"]) if a["batch"] else a["shape"]
        k = np.arange(int(np.prod(shape))).reshape(shape)
        feeds[name] = np.sin(0.37 * k).astype("f") if a["dtype"] == "float" else (3 * k + 1) % 2
    plan.forward(feeds)
    if path.name in NOT_IN_ONNX:
        with pytest.raises(ExportError, match=f"{NOT_IN_ONNX[path.name]} has no form in ONNX"):
            writer.model_of(net.graph, plan, name="net")
        return
    model = writer.model_of(net.graph, plan, name="net")
    given = {i.name: feeds[i.name] for i in model.graph.input}
    for found in evaluated(model, given):
        for output, value in zip(model.graph.output, found, strict=True):
            assert off(value, plan.value(*output.name.split(":"))) <= 1e-5, output.name


def evaluated(model: onnx.ModelProto, given: dict[str, np.ndarray]) -> list[list[np.ndarray]]:
    """What the reference evaluator gives, and onnxruntime where it is installed."""
    answers = [writer.run_reference(model, given)]
    if importlib.util.find_spec("onnxruntime"):
        onnxruntime = importlib.import_module("onnxruntime")
        answers.append(onnxruntime.InferenceSession(model.SerializeToString()).run(None, given))
    return answers


def _target(graph: gc.Graph, node: gc.Node) -> np.ndarray:
    shapes = ShapeInference(graph)
    reader = graph.edges_from(node)[0].target
    shape = shapes.input_shapes(reader)["x"]
    if graph.node(reader).operator in ("CrossEntropyLoss", "NLLLoss"):
        return np.zeros(3, np.int64)
    return np.ones((3, *shape[1:]), np.float32)


def test_names_scopes_and_the_batch_axis_are_those_of_the_graph() -> None:
    model, _, plan = made("resnet8")
    assert (model.ir_version, model.opset_import[0].version) == (10, 20)
    kept = {t.name for t in model.graph.initializer}
    assert set(plan.parameters) <= kept
    assert {d.dim_param for d in model.graph.input[0].type.tensor_type.shape.dim[:1]} == {"N"}


def test_composites_are_scopes() -> None:
    graph = parse_layers("4-5-relu-3")
    inside = [n.name for n in graph if n.operator in ("Linear", "ReLU")][:2]
    graph = grouped(graph, *inside)
    model = writer.model_of(graph, gc.compile(graph), name="net")
    made = {n.name: p.value for n in model.graph.node for p in n.metadata_props}
    name = next(n for n in made if n.startswith("block/"))
    assert made[name].startswith("['', 'block', 'block.")
    assert f"{name}.weight" in {t.name for t in model.graph.initializer}


def test_the_batch_may_be_of_any_size() -> None:
    for name in ("lenet5", "vit-tiny", "lstm-rows"):
        model, graph, _ = made(name)
        (x,) = [n for n in graph if n.operator == "Input"]
        for count in (1, 5):
            given = {x.name: np.zeros((count, *x.attributes["shape"]), np.float32)}
            assert len(writer.run_reference(model, given)[0]) == count


def test_export_from_the_command_line_with_what_was_learned(tmp_path: Path, capsys) -> None:
    run, out = tmp_path / "run", tmp_path / "onnx"
    settings = gc.TrainingSettings(dataset="circle", normalization="standardize", epochs=1)
    graph = presets.load("circle")
    graph.set_training(settings)
    gc.save(graph, tmp_path / "own.graph.json")
    assert cli.main(["train", str(tmp_path / "own.graph.json"), "--out", str(run)]) == 0
    line = ["export", str(run), "--to", "onnx", "--out", str(out)]
    assert cli.main(line) == 0
    model = onnx.load(out / "run.onnx")
    data = json.loads(next(p.value for p in model.metadata_props if p.key == writer.DATA))
    assert data["classes"] == ["negative", "positive"] or len(data["classes"]) == 2
    assert str(tmp_path) not in (out / "run.onnx").read_bytes().decode("latin-1")
    assert json.loads((out / "run.data.json").read_text()) == data
    assert cli.main([*line, "--name", "raw", "--normalize-inside"]) == 0
    raw = np.array([[0.3, -2.0], [4.0, 4.0]], np.float32)
    scale = data["normalization"]
    fed = ((raw - scale["shift"]) / scale["scale"]).astype(np.float32)
    (first,) = writer.run_reference(model, {"x": fed})
    (second,) = writer.run_reference(onnx.load(out / "raw.onnx"), {"x": raw})
    assert np.allclose(first, second, atol=1e-5)
    capsys.readouterr()
    assert cli.main(line) == 0  # its own file is replaced
    (out / "run.onnx").write_bytes(b"else")
    assert cli.main(line) == 1
    assert "would be written over" in capsys.readouterr().err


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("last", [None, "Softmax"])
def test_an_exported_net_answers_raw_samples_as_the_run_does(tmp_path: Path, inside, last) -> None:
    from graphcore.files.onnx import export

    graph = gc.Graph()
    graph.add("Input", name="x", shape=(2,))
    graph.add("Linear", name="y", out_features=2)
    graph.connect("x", "y")
    if last:
        graph.add(last, name="shares")
        graph.connect("y", "shares")
    graph.add("Target", name="t")
    graph.add("NLLLoss" if last else "CrossEntropyLoss", name="loss")
    graph.connect("shares" if last else "y", "loss", input="x")
    graph.connect("t", "loss", input="target")
    settings = gc.TrainingSettings(dataset="circle", normalization="standardize", epochs=1)
    graph.set_training(settings)
    data = gc.load_dataset("circle", normalization="standardize")
    trainer, raw = gc.Trainer(graph, data, settings), [[0.3, -2.0], [4.0, 4.0]]
    path = export.write(export.of_run(trainer, "net", inside), tmp_path, "net")
    for found, wanted in zip(gc.predict(path, raw), gc.predict(trainer, raw), strict=True):
        assert found.answer == wanted.answer
        assert last or found.probability == pytest.approx(wanted.probability, abs=1e-5)


def test_the_self_test_beside_the_file_passes_and_fails(tmp_path: Path) -> None:
    from graphcore.files.onnx import export

    assert cli.main(["export", "xor", "--to", "onnx", "--out", str(tmp_path)]) == 0
    assert export.self_test(tmp_path / "xor.onnx") <= 1e-5
    model = onnx.load(tmp_path / "xor.onnx")
    weights = model.graph.initializer[0]
    weights.raw_data = bytes(len(weights.raw_data))
    onnx.save(model, tmp_path / "xor.onnx")
    assert export.self_test(tmp_path / "xor.onnx") > 1e-5


def test_what_has_no_form_is_named() -> None:
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(3,))
    graph.add("Formula", name="f")
    graph.connect("x", "f")
    with pytest.raises(ExportError, match="f: Formula has no form in ONNX"):
        writer.model_of(graph, gc.compile(graph), name="net")
    assert issubclass(ExportError, GradscapeError)
