"""Operators that cut tensors up, stack them and put a border around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.dims import Batch, Dim, Shape, axis, format_shape
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, source
from graphcore.ops.onnx_code import LARGEST, OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Operator, register
from graphcore.ops.torch_code import TorchCode, Values

if TYPE_CHECKING:
    from torch import Tensor


def _slice_code(v: Values) -> str:
    start, end, step = v["start"], v["end"], v["step"]
    part = f"{start or ''}:{'' if end is None else end}" + (f":{step}" if step != 1 else "")
    before = [":"] * (v["dim"] % len(v["shapes"]["x"]))
    return f"{v['x']}[{', '.join([*before, part])}]"


def _keras_slice(call: KerasCall) -> str:
    values = {**call.attributes, "dim": call.axis(call.attributes["dim"]), **call.inputs}
    return _slice_code({**values, "shapes": {"x": call.shapes[0]}})


@register
class Slice(Operator):
    """Keep a stretch of one axis: y = x[start:end:step].

    Inputs:
        x: at least one axis.
    Attributes:
        dim: the axis that is cut.
        start: first index that is kept; negative counts from the end.
        end: first index that is left out; None keeps all to the end.
        step: keep every step-th index.
    Output:
        y: x's shape, shorter along ``dim``.
    Gradient:
        ∂L/∂x = g where x was kept, else 0.
    Source:
        Python's slices; ONNX Slice-13.
    """

    category, onnx, aliases = "shape", "Slice", ("crop", "narrow", "index", "select", "cut")
    attrs = (
        Attr("dim", 1, "Axis that is cut."),
        Attr("start", 0, "First index that is kept."),
        Attr("end", None, "First index that is left out; empty keeps all to the end.", "int",
             optional=True),
        Attr("step", 1, "Keep every step-th index.", minimum=1),
    )  # fmt: skip
    formula = r"y_i = x_{a + s i}"
    derivative = r"\partial L/\partial x_{a + s i} = g_i \text{, else } 0"
    torch_code = TorchCode(_slice_code)
    keras = KerasCode(_keras_slice, "any")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        a = call.attributes
        end = LARGEST if a["end"] is None else a["end"]
        numbers = (a["start"], end, call.axis(a["dim"]), a["step"])
        return call.node("Slice", call.x, *(call.ints(n) for n in numbers))

    @staticmethod
    def infer_shape(x: Shape, *, dim: int, start: int, end: int | None, step: int) -> Shape:
        place = axis(dim, x, "Slice")
        length = x[place]
        if isinstance(length, Batch):
            if (start, end, step) == (0, None, 1):
                return x
            raise ShapeError("Slice cannot cut the batch axis N: its length is not known yet.")
        kept = len(range(*slice(start, end, step).indices(length)))
        if kept == 0:
            raise ShapeError(
                f"Slice: [{start}:{'' if end is None else end}:{step}] keeps nothing of the "
                f"{length} along dim={dim} of x {format_shape(x)}."
            )
        return (*x[:place], kept, *x[place + 1 :])

    @staticmethod
    def forward(x: Tensor, *, dim: int, start: int, end: int | None, step: int) -> Tensor:
        return x[(slice(None),) * (dim % x.dim()) + (slice(start, end, step),)]

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, x: Tensor, *, dim: int, start: int, end: int | None, step: int
    ) -> tuple[Tensor]:
        place = dim % x.dim()
        first, last, _ = slice(start, end, step).indices(x.shape[place])
        return (torch.ops.aten.slice_backward(g, x.shape, place, first, last, step),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], *part: int | None, dim: int = 1) -> Case:
            start, end, step = part
            a = {"dim": dim, "start": start, "end": end, "step": step}

            def reference(x: Tensor) -> Tensor:
                return x.movedim(dim, 0)[start:end:step].movedim(0, dim)

            return Case((shape,), a, reference)

        return (
            case((3, 5), 1, 4, 1), case((3, 5), 0, None, 2), case((2, 3, 6), -4, -1, 2, dim=-1),
            case((3, 5), -9, 99, 1), case((4,), 0, None, 1, dim=0), case((4,), 1, 3, 1, dim=0),
        )  # fmt: skip


def _split_code(v: Values) -> str:
    dim = v["dim"] % len(v["shapes"]["x"])
    sizes = _part_sizes(v["shapes"]["x"][dim], v["split_sizes"], "Split")
    only = "[0]" if len(sizes) == 1 else ""
    return f"torch.split({v['x']}, {sizes}, dim={v['dim']}){only}"


def _keras_split(call: KerasCall) -> str:
    place = call.attributes["dim"] % call.rank
    ends = np.cumsum([shape[place] for shape in call.outputs])[:-1].tolist()
    if not ends:
        return call.inputs["x"]
    call.gives = call.made
    return f"ops.split({call.inputs['x']}, {ends}, axis={call.axis(place)})"


@register
class Split(Operator):
    """Cut one axis into several parts, each an output of its own.

    Inputs:
        x: at least one axis.
    Attributes:
        split_sizes: length of each part; parts of −1 share equally what the others leave.
        dim: the axis that is cut.
    Output:
        y0, y1, ...: x's shape with the part's length along ``dim``.
    Gradient:
        ∂L/∂x: the parts' gradients joined again; a part that nothing uses gives zeros.
    Source:
        torch.split_with_sizes; ONNX Split-18.
    """

    category, onnx, aliases = "shape", "Split", ("chunk", "unstack", "halves")
    outputs = ("y0", "y1")
    attrs = (
        Attr("split_sizes", (-1, -1), "Length of each part; −1 shares what is left.", "ints",
             minimum=-1),
        Attr("dim", 1, "Axis that is cut."),
    )  # fmt: skip
    formula = r"[\,y_0,\ y_1,\ \ldots\,] = x"
    derivative = r"\partial L/\partial x = [\,g_0,\ g_1,\ \ldots\,]"
    torch_code = TorchCode(_split_code)
    keras = KerasCode(_keras_split, "any")

    @staticmethod
    def onnx_form(call: OnnxCall) -> tuple[str, ...]:
        dim = call.axis(call.attributes["dim"])
        sizes = _part_sizes(call.fixed(dim), call.attributes["split_sizes"], "Split")
        return call.several("Split", (call.x, call.ints(*sizes)), len(sizes), axis=dim)

    @classmethod
    def outputs_for(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(f"y{i}" for i in range(max(1, len(attributes["split_sizes"]))))

    @staticmethod
    def infer_shape(x: Shape, *, split_sizes: tuple[int, ...], dim: int) -> tuple[Shape, ...]:
        place = axis(dim, x, "Split")
        sizes = _part_sizes(x[place], split_sizes, f"Split along dim={dim} of {format_shape(x)}")
        return tuple((*x[:place], s, *x[place + 1 :]) for s in sizes)

    @staticmethod
    def forward(x: Tensor, *, split_sizes: tuple[int, ...], dim: int) -> Any:
        parts = torch.split(x, _part_sizes(x.shape[dim], split_sizes, "Split"), dim)
        return parts if len(parts) > 1 else parts[0]

    @staticmethod
    def vjp(g: Any, y: Any, x: Tensor, *, split_sizes: tuple[int, ...], dim: int) -> tuple[Tensor]:
        if len(split_sizes) == 1:
            return (g,)
        parts = [torch.zeros_like(p) if gp is None else gp for gp, p in zip(g, y, strict=True)]
        return (torch.cat(parts, dim),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], sizes: tuple[int, ...], *real: int, dim: int = 1) -> Case:
            a = {"split_sizes": sizes, "dim": dim}
            return Case((shape,), a, lambda x: torch.split(x, list(real), dim))

        return (
            case((2, 6), (-1, -1), 3, 3), case((2, 6), (1, 3, 2), 1, 3, 2),
            case((2, 3, 6), (-1, 2, -1), 2, 2, 2, dim=-1), case((2, 3), (3,), 3),
        )  # fmt: skip


def _part_sizes(length: Dim, sizes: tuple[int, ...], what: str) -> list[int]:
    """Length of each part, −1 filled in; raises ShapeError."""
    shown = f"{what}: split_sizes={sizes}"
    if isinstance(length, Batch):
        raise ShapeError(f"{shown} cannot cut the batch axis N: its length is not known yet.")
    fixed = sum(s for s in sizes if s != -1)
    open_parts = sizes.count(-1)
    left = length - fixed
    share, rest = divmod(left, open_parts) if open_parts else (0, left)
    wrong = not sizes or min(sizes) < -1 or 0 in sizes
    if wrong or rest or left < 0 or (open_parts and share < 1):
        raise ShapeError(f"{shown} must add up to {length} in parts of at least 1.")
    return [share if s == -1 else s for s in sizes]


def _keras_stack(call: KerasCall) -> str:
    place = call.axis(call.attributes["dim"], call.rank + 1)
    return f"ops.stack([{', '.join(call.inputs.values())}], axis={place})"


@register
class Stack(Operator):
    """Lay tensors of one shape side by side along a new axis.

    Inputs:
        x0, x1, ...: tensors of the same shape.
    Attributes:
        dim: where the new axis stands in y.
    Output:
        y: the inputs' shape with their number inserted at ``dim``.
    Gradient:
        each input gets its own slice of g.
    Source:
        torch.stack; ONNX SequenceConstruct and ConcatFromSequence-11.
    """

    category, inputs, variadic = "shape", (), True
    aliases = ("pile", "new axis", "combine")
    attrs = (Attr("dim", 1, "Where the new axis stands."),)
    formula, derivative = r"y_{i k} = (x_k)_i", r"\partial L/\partial (x_k)_i = g_{i k}"
    torch_code = TorchCode("torch.stack([{inputs}], dim={dim})")
    keras = KerasCode(_keras_stack)

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        dim = call.axis(call.attributes["dim"], call.rank + 1)
        parts = [call.node("Unsqueeze", x, call.ints(dim)) for x in call.inputs]
        return call.node("Concat", *parts, axis=dim)

    @staticmethod
    def infer_shape(*x: Shape, dim: int) -> Shape:
        if not x:
            raise ShapeError("Stack needs at least one input.")
        for i, other in enumerate(x):
            if other != x[0]:
                raise ShapeError(
                    f"Stack: x{i} of shape {format_shape(other)} must have x0's shape "
                    f"{format_shape(x[0])}."
                )
        rank = len(x[0]) + 1
        if not -rank <= dim < rank:
            raise ShapeError(
                f"Stack: dim={dim} is no place in inputs of shape {format_shape(x[0])}; "
                f"it takes {-rank} to {rank - 1}."
            )
        place = dim % rank
        return (*x[0][:place], len(x), *x[0][place:])

    @staticmethod
    def forward(*x: Tensor, dim: int) -> Tensor:
        return torch.stack(x, dim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, *x: Tensor, dim: int) -> tuple[Tensor, ...]:
        return torch.unbind(g, dim)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(count: int, *shape: int, dim: int) -> Case:
            return Case((shape,) * count, {"dim": dim}, lambda *x: torch.stack(x, dim))

        return case(2, 2, 3, dim=1), case(3, 2, 3, dim=-1), case(1, 2, dim=0), case(2, dim=0)


def _keras_pad(call: KerasCall) -> str:
    pads = [(0, 0)] * call.rank
    given = call.attributes["pad"]
    for i in range(len(given) // 2):
        pads[call.axis(call.rank - 1 - i)] = tuple(given[2 * i : 2 * i + 2])
    value = source(call.attributes["value"])
    return f"ops.pad({call.inputs['x']}, {pads}, constant_values={value})"


@register
class Pad(Operator):
    """Put a border of equal numbers around a tensor.

    Inputs:
        x: at least half as many axes as ``pad`` has numbers.
    Attributes:
        pad: border before and after the last axis, then the last but one, and so on: (left,
            right, top, bottom) for images.
        value: the number that fills the border.
    Output:
        y: x's shape, longer by the borders.
    Gradient:
        ∂L/∂x = g without the border.
    Source:
        torch.nn.functional.pad with mode "constant"; ONNX Pad-13.
    """

    category, onnx, aliases = "shape", "Pad", ("padding", "border", "zero padding", "margin")
    attrs = (
        Attr("pad", REQUIRED, "Border: left, right, top, bottom, and so on.", "ints", minimum=0),
        Attr("value", 0.0, "The number that fills the border."),
    )
    formula = r"y_i = x_{i - p}\ \text{inside, else } v"
    derivative = r"\partial L/\partial x_i = g_{i + p}"
    torch_code = TorchCode("F.pad({x}, {pad}, value={value})")
    keras = KerasCode(_keras_pad, "any")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        pad, before, after = call.attributes["pad"], [0] * call.rank, [0] * call.rank
        for i in range(len(pad) // 2):
            before[-1 - i], after[-1 - i] = pad[2 * i], pad[2 * i + 1]
        value = call.tensor(call.attributes["value"])
        return call.node("Pad", call.x, call.ints(*before, *after), value, mode="constant")

    @staticmethod
    def infer_shape(x: Shape, *, pad: tuple[int, ...], value: float) -> Shape:
        if len(pad) % 2 or len(pad) > 2 * len(x):
            raise ShapeError(
                f"Pad: pad={pad} takes two numbers for each axis that gets a border, and x "
                f"{format_shape(x)} has {len(x)}."
            )
        dims = list(x)
        for i in range(len(pad) // 2):
            before, after = pad[2 * i : 2 * i + 2]
            if before or after:
                dims[-1 - i] = dims[-1 - i] + (before + after)
        return tuple(dims)

    @staticmethod
    def forward(x: Tensor, *, pad: tuple[int, ...], value: float) -> Tensor:
        return torch.nn.functional.pad(x, pad, value=value)

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, x: Tensor, *, pad: tuple[int, ...], value: float
    ) -> tuple[Tensor]:
        for i in range(len(pad) // 2):
            g = g.narrow(-1 - i, pad[2 * i], x.shape[-1 - i])
        return (g,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], *pad: int, value: float = 0.0) -> Case:
            a = {"pad": pad, "value": value}
            return Case((shape,), a, lambda x: torch.nn.functional.pad(x, pad, value=value))

        return case((2, 3), 1, 2), case((2, 1, 3, 3), 1, 1, 2, 0, value=-1.5), case((2,), 0, 1)
