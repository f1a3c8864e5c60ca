"""From indices to vectors, and from places to vectors."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphcore.dims import Batch, Shape, format_shape
from graphcore.errors import EngineError, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer
from graphcore.ops.kernels.device import on_accelerator, within
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Operator, register
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


def _keras_embedding(call: KerasCall) -> Layer:
    call.weigh(embeddings=call.values["weight"])
    rows, width = (call.attributes[n] for n in ("num_embeddings", "embedding_dim"))
    return call.layer("Embedding", rows, width)


@register
class Embedding(Operator):
    """Look up a learned vector for each index: a word, a letter, a user.

    It is a Linear layer without bias on one-hot rows, without the multiplications by 0.

    Inputs:
        x: whole-number indices, any shape, 0 to num_embeddings − 1 (an Input with dtype "int").
        weight: the table, shape (num_embeddings, embedding_dim).
    Attributes:
        num_embeddings: number of rows in the table: how many different indices there are.
        embedding_dim: length E of each vector.
        padding_idx: row that stands for no word and never learns; None for none.
    Output:
        y: x's shape with a last axis of length embedding_dim.
    Gradient:
        ∂L/∂weight: each row gets the sum of g over the places where it was looked up. The
        indices have none.
    Source:
        torch.nn.Embedding; ONNX Gather-13; Bengio et al., JMLR 3 (2003).
    """

    category, onnx = "linear", "Gather"
    aliases = ("lookup", "word vectors", "token", "gather", "table")
    attrs = (
        Attr("num_embeddings", REQUIRED, "How many different indices there are.", "int",
             minimum=1),
        Attr("embedding_dim", REQUIRED, "Length of each vector.", "int", minimum=1),
        Attr("padding_idx", None, "Row that never learns; empty for none.", "int", optional=True),
    )  # fmt: skip
    initializers = {"weight": "normal(0, 1)"}
    formula = r"y_i = W_{x_i}"
    derivative = r"\partial L/\partial W_k = \sum_{i:\, x_i = k} g_i"
    keras = KerasCode(_keras_embedding)

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        x, weight = call.inputs
        return call.node("Gather", weight, x)

    @staticmethod
    def infer_shape(
        x: Shape, *, num_embeddings: int, embedding_dim: int, padding_idx: int | None
    ) -> Shape:
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ShapeError(
                f"Embedding: padding_idx={padding_idx} is no row of the {num_embeddings} there are."
            )
        return (*x, embedding_dim)

    @staticmethod
    def parameter_shapes(
        x: Shape, *, num_embeddings: int, embedding_dim: int, padding_idx: int | None
    ) -> dict[str, Any]:
        return {"weight": (num_embeddings, embedding_dim)}

    @staticmethod
    def forward(x: Tensor, weight: Tensor, *, num_embeddings: int, **_: Any) -> Tensor:
        if x.is_floating_point():
            raise EngineError(
                'Embedding takes whole-number indices, got floating-point numbers: set dtype "int" '
                "on the Input."
            )
        if on_accelerator(x):
            x, mark = within(x, num_embeddings)
            return torch.nn.functional.embedding(x, weight) + mark.to(weight.dtype)
        _check_indices(x, num_embeddings)
        return torch.nn.functional.embedding(x, weight)

    @staticmethod
    def refuse(x: Tensor, weight: Tensor, *, num_embeddings: int, **_: Any) -> None:
        _check_indices(x, num_embeddings)

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, x: Tensor, weight: Tensor, *, num_embeddings: int,
        embedding_dim: int, padding_idx: int | None,
    ) -> tuple[None, Tensor]:  # fmt: skip
        padding = -1 if padding_idx is None else padding_idx % num_embeddings
        if on_accelerator(x):
            x, _ = within(x, num_embeddings)
        return None, torch.ops.aten.embedding_dense_backward(g, x, num_embeddings, padding, False)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(*shape: int) -> Case:
            a = {"num_embeddings": 6, "embedding_dim": 3}
            return Case((shape,), a, torch.nn.functional.embedding, classes=6)

        return case(2, 5), case(4), case()


def _check_indices(x: Tensor, count: int) -> None:
    if x.numel() == 0:
        return
    for index in map(int, torch.aminmax(x)):
        if not 0 <= index < count:
            raise EngineError(
                f"Embedding: there is no row {index}; with num_embeddings={count} the indices "
                f"are 0 to {count - 1}."
            )


_TORCH_HELPER = '''
def positional_encoding(x, base):
    """x (N, L, E) and waves that tell where in the sequence an element stands."""
    length, features = x.shape[1:]
    places = torch.arange(length, dtype=torch.float64).unsqueeze(1)
    angles = places / base ** (torch.arange(0, features, 2, dtype=torch.float64) / features)
    waves = torch.stack((angles.sin(), angles.cos()), 2).reshape(length, -1)[:, :features]
    return x + waves.to(x)
'''


_KERAS_HELPER = '''
def positional_encoding(x, base):
    """x (N, L, E) and waves that tell where in the sequence an element stands."""
    length, features = x.shape[1:]
    angles = np.arange(length)[:, None] / base ** (np.arange(0, features, 2) / features)
    waves = np.stack((np.sin(angles), np.cos(angles)), 2).reshape(length, -1)[:, :features]
    return x + waves.astype("float32")
'''


def _keras_positions(call: KerasCall) -> str:
    call.helper = _KERAS_HELPER
    return f"positional_encoding({call.inputs['x']}, {call.attributes['base']})"


@register
class PositionalEncoding(Operator):
    """Add waves to a sequence that tell where each element stands; attention alone cannot know.

    Inputs:
        x: sequences, shape (N, L, E).
    Attributes:
        base: the slowest wave has a period of about 2π · base places.
    Output:
        y: x + P, same shape; P[t, 2i] = sin(t / base^(2i/E)), P[t, 2i + 1] the cosine of it.
    Gradient:
        ∂L/∂x = g: the waves are fixed.
    Source:
        Vaswani et al., Attention is all you need, NeurIPS 2017, §3.5.
    """

    category = "attention"
    aliases = ("position", "sinusoidal", "transformer")
    attrs = (Attr("base", 10000.0, "Sets the slowest wave.", minimum=1.0),)
    formula = (
        r"y_{t, 2i} = x_{t, 2i} + \sin \frac{t}{b^{2i/E}},\ "
        r"y_{t, 2i+1} = x_{t, 2i+1} + \cos \frac{t}{b^{2i/E}}"
    )
    derivative = r"\partial y/\partial x = 1"
    torch_code = TorchCode("positional_encoding({x}, {base})", helper=_TORCH_HELPER)
    keras = KerasCode(_keras_positions)

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        length, features = call.fixed(1), call.fixed(2)
        waves = _waves(
            length, features, call.attributes["base"], torch.float64, torch.device("cpu")
        )
        return call.node("Add", call.x, call.tensor(waves.numpy()))

    @staticmethod
    def infer_shape(x: Shape, *, base: float) -> Shape:
        if len(x) != 3 or any(isinstance(d, Batch) for d in x[1:]):
            raise ShapeError(
                f"PositionalEncoding expects sequences (N, L, E), gets {format_shape(x)}."
            )
        return x

    @staticmethod
    def forward(x: Tensor, *, base: float) -> Tensor:
        return x + _waves(x.shape[1], x.shape[2], base, x.dtype, x.device)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, base: float) -> tuple[Tensor]:
        return (g,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(*shape: int, base: float = 10000.0) -> Case:
            def reference(x: Tensor) -> Tensor:
                rows = [
                    [wave(t / base ** (2 * (i // 2) / shape[2])) for i, wave in enumerate(waves)]
                    for t in range(shape[1])
                ]
                return x + torch.tensor(rows, dtype=torch.float64).to(x.dtype)

            waves = [math.sin if i % 2 == 0 else math.cos for i in range(shape[2])]
            return Case((shape,), {"base": base}, reference)

        return case(2, 5, 4), case(1, 3, 5, base=100.0)


@lru_cache(maxsize=16)
def _waves(
    length: int, features: int, base: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """P of shape (length, features), worked out in float64 and then rounded."""
    places = torch.arange(length, dtype=torch.float64).unsqueeze(1)
    pairs = torch.arange(0, features, 2, dtype=torch.float64)
    angles = places / base ** (pairs / features)
    waves = torch.stack((angles.sin(), angles.cos()), 2).reshape(length, -1)[:, :features]
    return waves.to(dtype=dtype, device=device)
