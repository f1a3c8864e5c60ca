"""What an imported net holds and nothing here computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphcore.dims import Shape, format_shape
from graphcore.errors import AttributeRefusedError, EngineError, ShapeError
from graphcore.ops import aten_schema
from graphcore.ops.registry import Attr, Case, Context, Operator, register


@register
class Placeholder(Operator):
    """Stand for an operator of another program that has no counterpart here.

    The net can be looked at and edited. It runs up to this node, and says so there.

    Inputs:
        x0, x1, ...: what the operator takes.
    Attributes:
        kind: its name in the other program.
        settings: its attributes there, as JSON.
        known_shapes: shapes of inputs and results, as JSON; those of other inputs are not known.
    Output:
        y: the result, which is never computed; y0, y1, ... where it has several.
    Gradient:
        None: nothing is computed.
    Source:
        the file that was imported.
    """

    category, inputs, variadic, differentiable = "composite", (), True, False
    aliases = ("unknown", "unsupported", "import")
    attrs = (
        Attr("kind", "unknown", "Name of the operator in the other program."),
        Attr("settings", "{}", "Its attributes there, as JSON."),
        Attr("known_shapes", '{"x": [], "y": [[]]}', "Shapes of inputs and results, as JSON."),
    )

    @classmethod
    def complete(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        full = super().complete(given)
        try:
            aten_schema.parsed(full["settings"])
            known = aten_schema.parsed(full["known_shapes"])
            if set(known) != {"x", "y"} or not aten_schema.read_shapes(known["y"], "y"):
                raise AttributeRefusedError('Placeholder: known_shapes has the keys "x" and "y".')
            aten_schema.read_shapes(known["x"], "x")
        except AttributeRefusedError as error:  # the schema's sentences are Aten's
            raise AttributeRefusedError(str(error).replace("Aten:", "Placeholder:", 1)) from None
        return full

    @classmethod
    def outputs_for(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        count = len(aten_schema.parsed(attributes["known_shapes"])["y"])
        return ("y",) if count == 1 else tuple(f"y{i}" for i in range(count))

    @staticmethod
    def infer_shape(*x: Shape, kind: str, settings: str, known_shapes: str) -> Any:
        known = aten_schema.parsed(known_shapes)
        if aten_schema.read_shapes(known["x"], "x") != x:
            shapes = ", ".join(map(format_shape, x)) or "no inputs"
            raise ShapeError(f"Placeholder: the shape of {kind} for {shapes} is not known.")
        found = aten_schema.read_shapes(known["y"], "y")
        return found[0] if len(found) == 1 else found

    @staticmethod
    def forward(ctx: Context, *x: Any, kind: str, settings: str, known_shapes: str) -> Any:
        raise EngineError(
            f"{kind} is a placeholder: nothing here computes it, nor what comes behind it."
        )

    @staticmethod
    def vjp(g: Any, y: Any, *x: Any, **attributes: Any) -> tuple[Any, ...]:
        return (None,) * len(x)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return ()
