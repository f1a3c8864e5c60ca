"""Quantised ONNX nets open with the numbers that ONNX's reference evaluator gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import graphcore as gc
from graphcore.errors import FileError

RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.integers(-120, 120, (3, 2, 3, 3)).astype(np.int8)
TABLE = RANDOM.integers(-120, 120, (3, 2)).astype(np.int8)
HELD: dict[str, Any] = {
    "w": TABLE, "k": KERNEL, "ws": np.float32(0.1), "wz": np.int8(2), "no": np.int8(0),
    "each": np.array([0.1, 0.2], np.float32), "eachz": np.array([0, 1], np.int8),
    "xs": np.float32(0.02), "xz": np.uint8(100), "ys": np.float32(0.05), "yz": np.uint8(120),
    "kernels": np.array([0.01, 0.02, 0.03], np.float32), "zeros": np.zeros(3, np.int8),
    "b": np.array([30, -40, 50], np.int32),
}  # fmt: skip
Q, D = ("QuantizeLinear", "x xs xz", "q"), ("DequantizeLinear", "r ys yz", "y")
CASES: dict[str, list[Sequence[str]]] = {
    "weights": [("DequantizeLinear", "w ws wz", "f"), ("MatMul", "x f", "y")],
    "weights, each column": [
        ("DequantizeLinear", "w each eachz", "f", "axis"), ("MatMul", "x f", "y"),
    ],
    "both": [
        Q, ("DequantizeLinear", "q xs xz", "d"), ("DequantizeLinear", "w ws wz", "f"),
        ("MatMul", "d f", "y"),
    ],
    "QLinearMatMul": [Q, ("QLinearMatMul", "q xs xz w ws wz ys yz", "r"), D],
    "QLinearConv": [Q, ("QLinearConv", "q xs xz k kernels zeros ys yz b", "r"), D],
    "MatMulInteger": [
        ("DynamicQuantizeLinear", "x", "q s z"), ("MatMulInteger", "q w z no", "i"),
        ("Cast", "i", "f", "to"), ("Mul", "f s", "y"),
    ],
    "ConvInteger": [
        ("DynamicQuantizeLinear", "x", "q s z"), ("ConvInteger", "q k z", "i"),
        ("Cast", "i", "f", "to"), ("Mul", "f s", "y"),
    ],
}  # fmt: skip


def written(path: Path, parts: list[Sequence[str]], conv: bool) -> onnx.ModelProto:
    nodes = [
        helper.make_node(kind, given.split(), made.split(), **dict.fromkeys(words, 1))
        for kind, given, made, *words in parts
    ]
    used = {name for _, given, *_ in parts for name in given.split()}
    shapes = (["N", 2, 5, 5], ["N", 3, 3, 3]) if conv else (["N", 3], ["N", 2])
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
        for n, s in zip("xy", shapes, strict=True)
    ]
    held = [numpy_helper.from_array(np.asarray(a), n) for n, a in HELD.items() if n in used]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, path)
    return model


@pytest.mark.parametrize("case", CASES)
def test_it_gives_what_the_reference_gives(case: str, tmp_path: Path) -> None:
    conv = "Conv" in case
    model = written(tmp_path / "net.onnx", CASES[case], conv)
    x = np.sin(np.arange(100 if conv else 6, dtype=np.float32))
    x = x.reshape((2, 2, 5, 5) if conv else (2, 3))
    net = gc.open_net(tmp_path / "net.onnx")
    assert "a quantised net" in str(net.report)
    plan = net.compile()
    plan.forward({net.inputs[0]: x})
    (wanted,) = ReferenceEvaluator(model).run(None, {"x": x})
    found = plan.value(net.outputs[0]).numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    assert plan.parameters, "weights are weights, and can be trained on"


OF_RUNTIME: dict[str, tuple[str, dict[str, Any]]] = {
    "QLinearAdd": ("q xs xz q xs xz ys yz", {}),
    "QLinearMul": ("q xs xz q xs xz ys yz", {}),
    "QLinearSigmoid": ("q xs xz ys yz", {}),
    "QLinearLeakyRelu": ("q xs xz ys yz", {"alpha": 0.2}),
    "QLinearSoftmax": ("q xs xz ys yz", {"axis": 1, "opset": 13}),
    "QLinearGlobalAveragePool": ("q xs xz ys yz", {"channels_last": 0}),
    "QLinearAveragePool": ("q xs xz ys yz", {"kernel_shape": [2, 2]}),
    "QLinearConcat": ("ys yz q xs xz q xs xz", {"axis": 1}),
    "QGemm": ("q xs xz t ts no g ys yz", {"transB": 1}),
}


@pytest.mark.parametrize("kind", OF_RUNTIME)
def test_it_gives_what_onnxruntime_gives(kind: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    given, attributes = OF_RUNTIME[kind]
    held = {**HELD, "t": TABLE, "ts": np.float32(0.01), "g": np.array([30, -40, 50], np.int32)}
    held["ys"] = np.float32({"QGemm": 0.05, "QLinearAveragePool": 0.011}.get(kind, 0.01))
    flat = kind in ("QGemm", "QLinearSoftmax")
    x = np.sin(np.arange(4 if flat else 100, dtype=np.float32))
    x = x.reshape((2, 2) if flat else (2, 2, 5, 5))
    nodes = [
        helper.make_node(Q[0], Q[1].split(), ["q"]),
        helper.make_node(kind, given.split(), ["r"], domain="com.microsoft", **attributes),
        helper.make_node(D[0], D[1].split(), ["y"]),
    ]
    names = {name for node in nodes for name in node.input}
    made = [numpy_helper.from_array(np.asarray(a), n) for n, a in held.items() if n in names]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
            for n, s in (("x", ["N", *x.shape[1:]]), ("y", None))]  # fmt: skip
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], made)
    sets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=10)
    onnx.save(model, tmp_path / "net.onnx")
    net = gc.open_net(tmp_path / "net.onnx")
    plan = net.compile()
    plan.forward({net.inputs[0]: x})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (wanted,) = session.run(None, {"x": x})
    found = plan.value(net.outputs[0]).numpy()
    off = np.abs(found - wanted) / float(held["ys"])
    assert off.max() <= 1.01, "one step of rounding"
    assert np.mean(off > 0.01) <= 0.1


def test_what_it_cannot_know_is_refused_by_name(tmp_path: Path) -> None:
    written(tmp_path / "net.onnx", [("QuantizeLinear", "x xs b", "r"), D], conv=False)
    with pytest.raises(FileError, match=r"QuantizeLinear.*it rounds to int32"):
        gc.open_net(tmp_path / "net.onnx")
