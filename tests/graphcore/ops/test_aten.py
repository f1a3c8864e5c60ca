"""The Aten operator: what a graph may name, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

import graphcore as gc
from graphcore.dims import N
from graphcore.errors import AttributeRefusedError, EngineError, FileError, ShapeError
from graphcore.ops import aten_schema
from tests.bench import aten_table

CUMSUM = {"overload": "aten.cumsum.default", "arguments": '{"self": "x0", "dim": 1}'}


def test_the_table_is_what_torchs_schemas_say() -> None:
    assert aten_table.TABLE.read_text() == aten_table.text(aten_table.rows())


def test_the_table_names_nothing_private_random_or_of_free_size() -> None:
    operations = {name.split(".")[1] for name in aten_schema.table()}
    assert not [n for n in operations if n.startswith("_") or n.endswith("_")]
    assert not operations & {
        "as_strided", "empty", "empty_like", "rand", "randn", "bernoulli", "dropout", "resize",
        "set", "zeros", "ones", "full", "arange", "from_file", "item", "nonzero",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"overload": "aten.as_strided.default"}, "is none of the"),
        ({"overload": "os.system.default"}, "is none of the"),
        ({**CUMSUM, "arguments": '{"self": "x0"}'}, "needs the argument dim"),
        ({**CUMSUM, "arguments": '{"self": "x0", "dim": 1.5}'}, "dim of aten.cumsum.default"),
        ({**CUMSUM, "arguments": '{"self": "x0", "dim": 1, "out": "x1"}'}, "no argument 'out'"),
        ({**CUMSUM, "arguments": '{"self": 3, "dim": 1}'}, "self of aten.cumsum.default"),
        ({**CUMSUM, "arguments": "[1]"}, "no JSON object"),
        ({**CUMSUM, "arguments": "{"}, "is no JSON"),
        ({**CUMSUM, "shapes": '{"x": [[-1]], "y": []}'}, "a size is a number or a multiple"),
        ({"overload": "aten.gelu.default",
          "arguments": '{"self": "x0", "approximate": "sin"}'}, "approximate"),
        ({"overload": "aten.lstm.input", "arguments": '{"train": true}'}, "train of"),
    ],
)  # fmt: skip
def test_a_graph_can_name_nothing_else(given: dict[str, Any], why: str) -> None:
    with pytest.raises(AttributeRefusedError, match=why):
        gc.Graph().add("Aten", **given)


def test_a_graph_file_is_checked_when_it_is_read() -> None:
    graph = gc.Graph()
    graph.add("Aten", name="a", **CUMSUM)
    text = gc.files.dumps(graph).replace(b"aten.cumsum.default", b"aten.set_data.default")
    with pytest.raises(FileError, match="is none of the"):
        gc.files.loads(text)


def net(shapes: str = "{}") -> gc.Graph:
    graph = gc.Graph()
    x = graph.add("Input", name="x", shape=(3,))
    graph.connect(x, graph.add("Aten", name="a", **CUMSUM, shapes=shapes))
    return graph


def test_its_shape_is_the_files_and_else_the_engines() -> None:
    known = json.dumps({"x": [["N", 3]], "y": [["N", 3]]})
    assert gc.ops.get("Aten").infer_shape((N, 3), **CUMSUM, shapes=known) == (N, 3)
    assert gc.ops.get("Aten").infer_shape((N, 5), **CUMSUM, shapes=known) == (N, 5)
    with pytest.raises(ShapeError, match="cannot be computed"):
        gc.ops.get("Aten").infer_shape((N,), **CUMSUM, shapes=known)


def test_without_an_engine_a_shape_is_unknown_and_never_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(ShapeError, match="is not known before it runs"):
        gc.ops.get("Aten").infer_shape((N, 5), **CUMSUM, shapes="{}")


def test_a_size_that_follows_the_batch_is_read_off_an_input() -> None:
    graph = gc.Graph()
    x = graph.add("Input", name="x", shape=(2,))
    one = graph.add("Constant", name="one", value=[[1.0, 2.0]])
    node = graph.add(
        "Aten", name="a", overload="aten.expand.default",
        arguments='{"self": "x0", "size": ["2N", 2]}',
        shapes='{"x": [[1, 2], ["N", 2]], "y": [["2N", 2]]}',
    )  # fmt: skip
    graph.connect(one, node)
    graph.connect(x, node)
    plan = gc.compile(graph)
    plan.forward({"x": torch.zeros(3, 2)})
    assert plan.value("a").shape == (6, 2)


def test_a_result_that_is_too_large_is_refused_before_it_is_made() -> None:
    graph = gc.Graph()
    x = graph.add("Input", name="x", shape=(3,))
    node = graph.add(
        "Aten", name="a", overload="aten.repeat.default",
        arguments='{"self": "x0", "repeats": [1000000, 1000000]}',
        shapes='{"x": [["N", 3]], "y": [["N", 3]]}',
    )  # fmt: skip
    graph.connect(x, node)
    plan = gc.compile(graph)
    with pytest.raises(EngineError, match="the most is"):
        plan.forward({"x": torch.zeros(2, 3)})


def test_training_takes_its_gradient() -> None:
    graph = net()
    total = graph.add("Sum", name="loss")
    graph.connect("a", total)
    for mode in ("inspect", "train"):
        plan = gc.compile(graph, mode=mode)  # type: ignore[arg-type]
        plan.forward({"x": torch.ones(2, 3)})
        assert float(plan.value("loss")) == 12.0
    plan = gc.compile(graph)
    plan.forward({"x": torch.ones(2, 3)})
    plan.backward("loss")
    g = plan.grad("x")
    assert g is not None
    assert g.tolist() == [[3.0, 2.0, 1.0]] * 2


def test_a_padding_row_never_learns() -> None:
    graph = gc.Graph()
    x = graph.add("Input", name="x", shape=(2,), dtype="int")
    a = {"num_embeddings": 4, "embedding_dim": 2, "padding_idx": 1}
    graph.connect(x, graph.add("Embedding", name="e", **a))
    plan = gc.compile(graph)
    plan.forward({"x": torch.tensor([[1, 2]])})
    plan.backward("e", torch.ones(1, 2, 2))
    g = plan.grad("e.weight")
    assert g is not None
    assert g.tolist() == [[0, 0], [0, 0], [1, 1], [0, 0]]
    with pytest.raises(ShapeError, match="is no row"):
        gc.ops.get("Embedding").infer_shape((N, 2), **{**a, "padding_idx": 9})
