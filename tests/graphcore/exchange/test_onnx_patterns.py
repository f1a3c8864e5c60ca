"""What looks like a layer and what is one: patterns never change the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

import graphcore as gc
from graphcore.files.onnx.writer import run_reference
from tests.graphcore.exchange.test_onnx_nets import assert_same, operators, values

SCORES = "k = Transpose <perm: ints = [0, 1, 3, 2]> (x)\n s = MatMul (x, k)\n t = Mul (s, scale)\n"
ATTENTION = f"{SCORES} m = Add (t, mask)\n p = Softmax <axis: int = -1> (m)\n y = MatMul (p, x)"
HALF = "float scale = {0.5}"  # heads are 4 wide
LATER = "-inf"


def mask(*rows: str) -> str:
    return f"{HALF}, float[3,3] mask = {{{', '.join(rows)}}}"


CAUSAL = mask("0,-3e38,-3e38", "0,0,-3e38", "0,0,0")
NORM = (
    "m = ReduceMean <keepdims: int = 1> (x, axes)\n d = Sub (x, m)\n q = Mul (d, d)\n"
    " v = ReduceMean <keepdims: int = 1> (q, other)\n e = Add (v, eps)\n r = Sqrt (e)\n"
    " n = Div (d, r)\n z = Mul (n, w)\n y = Add (z, b)"
)
LAST = "int64[1] axes = {-1}, int64[1] other = {-1}, float eps = {0.01}"
AFFINE = "float[4] w = {1, 2, 3, 4}, float[4] b = {0, 1, 0, 2}"
GELU = "a = Div (x, root)\n e = Erf (a)\n f = Add (e, one)\n g = Mul (x, f)\n y = Mul (g, half)"
GROUPS = (
    "r = Reshape (x, to)\n i = InstanceNormalization <epsilon: float = 0.1> (r, s, o)\n"
    " u = Reshape (i, back)\n z = Mul (u, w)\n y = Add (z, b)"
)
LAID = "int64[3] to = {0, 2, -1}, int64[4] back = {0, 4, 3, 2}, float[2] o = {0, 0}"
CASES: dict[str, tuple[str, str, tuple[int, ...], str, int]] = {
    "causal": (ATTENTION, CAUSAL, (2, 2, 3, 4), "ScaledDotProductAttention", 1),
    "a table": (ATTENTION, mask("0,1,2", "0,0,1", "3,0,0"), (2, 2, 3, 4),
                "ScaledDotProductAttention", 0),
    "causal and a table": (ATTENTION, mask("0,-3e38,-3e38", "1,0,-3e38", "0,2,0"), (2, 2, 3, 4),
                           "ScaledDotProductAttention", 0),
    "another scale": (ATTENTION.replace("m = Add (t, mask)", "m = Identity (t)"),
                      "float scale = {0.4}", (2, 2, 3, 4), "ScaledDotProductAttention", 0),
    "layer norm": (NORM, f"{LAST}, {AFFINE}", (2, 3, 4), "LayerNorm", 1),
    "with its scale": (NORM, f"{LAST}, {AFFINE}", (2, 3, 4), "Mul", 0),
    "another variance": (NORM, f"{LAST.replace('other = {-1}', 'other = {1}')}, {AFFINE}",
                         (2, 3, 4), "LayerNorm", 0),
    "a norm of rows": (NORM, f"{LAST.replace('{-1}', '{1}')}, {AFFINE}", (2, 3, 4), "LayerNorm", 0),
    "a scale of rows": (NORM, f"{LAST}, float[3,1] w = {{1, 2, 3}}, float b = {{1}}", (2, 3, 4),
                        "LayerNorm", 1),
    "gelu": (GELU, "float root = {1.4142135}, float one = {1}, float half = {0.5}", (2, 3),
             "GELU", 1),
    "no gelu": (GELU, "float root = {1.4142135}, float one = {1}, float half = {0.6}", (2, 3),
                "GELU", 0),
    "another root": (GELU, "float root = {1.5}, float one = {1}, float half = {0.5}", (2, 3),
                     "GELU", 0),
    "silu": ("s = Sigmoid (x)\n y = Mul (s, x)", "", (2, 3), "SiLU", 1),
    "no silu": ("n = Neg (x)\n s = Sigmoid (n)\n y = Mul (s, x)", "", (2, 3), "SiLU", 0),
    "mish": ("s = Softplus (x)\n t = Tanh (s)\n y = Mul (x, t)", "", (2, 3), "Mish", 1),
    "group norm": (GROUPS, f"{LAID}, float[2] s = {{1, 1}}, float[4,1,1] w = {{1, 2, 3, 4}},"
                           "float[4,1,1] b = {0, 1, 2, 3}", (2, 4, 3, 2), "GroupNorm", 1),
    "groups that are scaled": (GROUPS, f"{LAID}, float[2] s = {{1, 2}}, float w = {{1}},"
                                       "float b = {1}", (2, 4, 3, 2), "GroupNorm", 0),
    "two turns": ("a = Transpose <perm: ints = [0, 2, 3, 1]> (x)\n"
                  " b = Transpose <perm: ints = [0, 2, 3, 1]> (a)\n"
                  " y = Transpose <perm: ints = [0, 2, 3, 1]> (b)", "", (2, 3, 4, 5),
                  "Permute", 0),
    "an axis there and another away": ("a = Unsqueeze (x, one)\n y = Squeeze (a, two)",
                                       "int64[1] one = {1}, int64[1] two = {2}", (2, 1, 3),
                                       "Unsqueeze", 1),
    "reflected rows": ("y = Pad <mode: string = \"wrap\"> (x, p)",
                       "int64[6] p = {0, 2, 0, 0, 1, 0}", (2, 3, 4), "Pad", 0),
    "bias": ("a = MatMul (x, w)\n y = Add (b, a)", "float[4,2] w = {1,2,3,4,5,6,7,8},"
             "float[2] b = {1,2}", (2, 3, 4), "Linear", 1),
    "a table is no bias": ("a = MatMul (x, w)\n y = Add (b, a)", "float[4,2] w = {1,2,3,4,5,6,7,8},"
                           "float[3,2] b = {1,2,3,4,5,6}", (2, 3, 4), "Add", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_numbers_are_those_of_the_file(name: str, tmp_path: Path) -> None:
    body, held, shape, operator, count = CASES[name]
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 18]>\n'
        f"g (float{list(shape)} x) => (float y) <{held}> {{\n {body}\n}}"
    )
    onnx.save(model, tmp_path / "net.onnx")
    x = np.sin(np.arange(np.prod(shape), dtype=np.float32) * 0.7).reshape(shape)
    net = gc.open_net(tmp_path / "net.onnx")
    assert_same(values(net, [x]), [np.asarray(v) for v in run_reference(model, {"x": x})])
    assert operators(net.graph)[operator] == count


def test_weights_that_meet_constants_stay_weights(tmp_path: Path) -> None:
    """A first state of zeros goes through the weights of a cell that the file spells out."""
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 18]>\n'
        "g (float[2,3] x) => (float y) <float[1,4] val_h = {0,0,0,0},"
        " float[4,3] hidden = {1,2,3,4,5,6,7,8,9,1,2,3}> {\n"
        " a = MatMul (val_h, hidden)\n b = Add (x, a)\n y = Tanh (b)\n}"
    )
    onnx.save(model, tmp_path / "net.onnx")
    net = gc.open_net(tmp_path / "net.onnx")
    assert net.report.parameters == 12
    x = np.ones((3, 3), np.float32)
    assert_same(values(net, [x]), [np.tanh(x)])


SHAPES = {
    "two axes as long as the batch": (
        "float[2,6]", " f = Reshape (x, all)\n a = Abs (f)\n y = Reshape (a, to)",
        "int64[1] all = {12}, int64[3] to = {2, 2, 3}", lambda x: abs(x).reshape(-1, 2, 3),
    ),
    "steps first, samples within": (
        "float[1,3,4]",
        " t = Transpose <perm: ints = [1, 0, 2]> (x)\n r = Reshape (t, flat)\n a = Abs (r)\n"
        " u = Reshape (a, to)\n y = Transpose <perm: ints = [1, 0, 2]> (u)",
        "int64[2] flat = {3, 4}, int64[3] to = {3, 1, 4}", abs,
    ),
    "samples in the middle": (
        "float[2,3,4]",
        " t = Transpose <perm: ints = [1, 0, 2]> (x)\n y = Reshape (t, to)",
        "int64[3] to = {3, 4, 2}", lambda x: x.transpose(1, 0, 2).reshape(3, -1, 2),
    ),
    "samples that depend on each other": (
        "float[2,6]", " s = Softmax <axis: int = 0> (x)\n y = Reshape (s, to)",
        "int64[3] to = {2, 2, 3}", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SHAPES))
def test_a_shape_for_the_examples_batch_fits_any_or_says_why_not(name: str, tmp_path: Path) -> None:
    shape, body, held, wanted = SHAPES[name]
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 18]>\n'
        f"g ({shape} x) => (float y) <{held}> {{\n{body}\n}}"
    )
    onnx.save(model, tmp_path / "net.onnx")
    net = gc.open_net(tmp_path / "net.onnx", check=True)
    assert net.report.max_error is not None
    assert net.report.max_error <= 1e-6
    if wanted is None:
        assert not net.graph.node("x").attributes["batch"]
        assert "which axis holds the samples is not clear" in str(net.report)
        return
    sizes = [int(n) for n in shape.removeprefix("float[").removesuffix("]").split(",")][1:]
    x = np.sin(np.arange(4 * np.prod(sizes), dtype=np.float32)).reshape(4, *sizes)
    assert_same(values(net, [x]), [wanted(x)])
