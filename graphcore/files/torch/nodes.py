"""Nodes for what a PyTorch module computes: its layers, functions of tensors, and arithmetic."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from graphcore import ops
from graphcore.errors import GradscapeError
from graphcore.files.torch import recurrent, signatures
from graphcore.files.torch.values import (
    CAUSAL_MASK,
    TRAINING,
    Held,
    Layer,
    Length,
    Numbers,
    State,
    Tensor,
    Unusable,
    Value,
    described,
    refuse,
    source,
)
from graphcore.graph.graph import Graph

_VIEWS = {
    "Reshape", "Flatten", "Transpose", "Permute", "Squeeze", "Unsqueeze", "Expand", "Slice",
    "Split", "StopGradient", "Identity",
}  # fmt: skip
"""Operators whose result shares memory with their input in torch."""


class Nodes:
    """Builds the graph.

    Attributes:
        placed: layers in the order in which they were called.
        alike: pairs of tensors whose first axes are taken to be as long, and where.
    """

    def __init__(self) -> None:
        self.graph = Graph()
        self.placed: list[Layer] = []
        self.alike: list[tuple[Tensor, Tensor, ast.AST]] = []

    def add(
        self, operator: str, wished: str, attributes: Mapping[str, Any],
        inputs: Mapping[str, Tensor], where: ast.AST,
    ) -> Tensor:  # fmt: skip
        """Add a node with its edges; refuses what the graph cannot take."""
        name = wished.replace(".", "_")
        free = name.isidentifier() and name not in self.graph
        try:
            node = self.graph.add(operator, name=name if free else None, **attributes)
            for input, tensor in inputs.items():
                self.graph.connect(tensor.node, node, input=input, output=tensor.output)
        except GradscapeError as error:
            refuse(where, str(error).rstrip("."))
        view = operator in _VIEWS
        for tensor in inputs.values() if view else ():
            tensor.viewed = True
        return Tensor(node.name, node.outputs[0], view)

    def tensor(self, value: Value, where: ast.AST) -> Tensor:
        """The tensor that a value is; numbers and parameters become nodes."""
        if isinstance(value, Tensor):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.add("Constant", "", {"value": float(value)}, {}, where)
        if isinstance(value, Numbers) and not value.initializer:
            return self.add("Constant", "", value.attributes, {}, where)
        if isinstance(value, Held):
            return self.held(value, where)
        if isinstance(value, State):
            refuse(where, f"{source(where)} counts layers in front: take h[-1] of it")
        if isinstance(value, Unusable):
            refuse(where, value.why)
        what = where.name if isinstance(where, ast.FunctionDef) else source(where)
        refuse(where, f"{what} has {described(value)} where a tensor is needed")

    def held(self, held: Held, where: ast.AST) -> Tensor:
        """The node of a parameter or buffer."""
        if not held.path:
            refuse(where, f"{source(where)} is held by no module")
        if not held.node:
            operator = "Parameter" if held.trained else "Constant"
            if operator == "Constant" and held.numbers.initializer:
                refuse(held.line, "a buffer that is no plain number or list")
            node = self.add(operator, held.path, held.numbers.attributes, {}, where).node
            held.node = node
            if held.frozen:
                self.graph.set_frozen(node, "value", True)
            if held.numbers.initializer not in ("", "empty"):
                self.graph.set_initializer(node, "value", held.numbers.initializer)
        return Tensor(held.node, "y")

    def changed_in_place(self, tensor: Tensor, result: Tensor, where: ast.AST) -> Tensor:
        """Have all names of a tensor mean what it became."""
        if tensor.viewed:
            refuse(where, f"{source(where)} changes a tensor in place that others share")
        tensor.node, tensor.output = result.node, result.output
        return tensor

    # -- layers -------------------------------------------------------------------------------

    def layer(
        self, layer: Layer, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Value:  # fmt: skip
        """Call a layer: its node, and what torch returns."""
        if layer.operator in recurrent.KINDS:
            return recurrent.called(self, layer, given, named, wished, where)
        if layer.operator == "MultiheadAttention":
            given, named = self._attended(layer, given, named, where)
        op = ops.get(layer.operator)
        if named or len(given) != len(op.inputs):
            refuse(
                where, f"{source(where)}: {layer.operator} takes {len(op.inputs)} tensor(s) here"
            )
        tensors = [self.tensor(v, where) for v in given]
        self.check_unused(layer, where)
        wished = layer.path if op.initializers else wished or layer.path
        result = self.placed_layer(layer, wished, tensors, where)
        if layer.declared.get("inplace"):
            return self.changed_in_place(tensors[0], result, where)
        if layer.operator == "MultiheadAttention":
            return result, Tensor(result.node, self.graph.node(result.node).outputs[1])
        return result

    def check_unused(self, layer: Layer, where: ast.AST) -> None:
        """Refuse a layer with weights that has its node already."""
        if ops.get(layer.operator).initializers and layer.node:
            refuse(where, f"{layer.path} is used twice: share its weights by nn.Parameter instead")

    def placed_layer(
        self, layer: Layer, wished: str, given: Sequence[Tensor], where: ast.AST
    ) -> Tensor:
        """Add the node of a layer."""
        op = ops.get(layer.operator)
        if op.initializers and not layer.path:
            refuse(where, f"a layer {layer.operator} that no module holds")
        inputs = dict(zip(op.inputs, given, strict=False))
        result = self.add(layer.operator, wished, layer.attributes, inputs, where)
        layer.node = result.node
        self.placed.append(layer)
        self._share_and_freeze(layer, where)
        return result

    def _share_and_freeze(self, layer: Layer, where: ast.AST) -> None:
        for parameter, held in layer.tied.items():
            tensor = self.held(held, where)
            self.graph.connect(tensor.node, layer.node, input=parameter)
        for parameter in layer.frozen - set(layer.tied):
            self.graph.set_frozen(layer.node, parameter, True)

    def _attended(
        self, layer: Layer, given: Sequence[Value], named: Mapping[str, Value], where: ast.AST
    ) -> tuple[Sequence[Value], Mapping[str, Value]]:
        """Self-attention of one sequence, looking back only where it says so."""
        signature = signatures.of_text(
            "query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, "
            "average_attn_weights=True, is_causal=False"
        )
        found = signatures.bound(where, "MultiheadAttention", signature, given, named)
        query = self.tensor(found["query"], where)
        if any(self.tensor(found[n], where) is not query for n in ("key", "value")):
            refuse(where, f"{source(where)}: query, key and value must be the same tensor here")
        if found["key_padding_mask"] is not None:
            refuse(where, "MultiheadAttention has nothing here for key_padding_mask")
        causal = found["is_causal"] is True
        if causal != (found["attn_mask"] is not None) or found["attn_mask"] not in (
            None,
            CAUSAL_MASK,
        ):
            refuse(where, "MultiheadAttention has nothing here for this attn_mask")
        layer.attributes["is_causal"] = causal
        return (query,), {}

    # -- functions ----------------------------------------------------------------------------

    def function(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST, helper: bool = False,
    ) -> Value:  # fmt: skip
        """A function of torch or a method of a tensor, by its name."""
        special = {
            "view": self._reshape, "reshape": self._reshape, "cat": self._joined,
            "concat": self._joined, "stack": self._joined, "einsum": self._einsum,
        }  # fmt: skip
        if name in special and not helper:
            return special[name](name, given, named, wished, where)
        table = signatures.HELPERS if helper else signatures.FUNCTIONS
        if name not in table:
            refuse(where, f"{source(where)}: {name} has no counterpart here")
        op, signature = ops.get(table[name][0]), signatures.of_text(table[name][1])
        values = signatures.bound(where, name, signature, signatures.gathered(op, given), named)
        if name.startswith("dropout") and not self._drops(values["training"], where):
            return self.tensor(values["x"], where)
        if op.name == "Split" and not isinstance(values["split_sizes"], list | tuple):
            refuse(where, f"{source(where)}: say the length of each part, as split((3, 5))")
        taken, declared = signatures.attributes(where, op, signature, values)
        inputs = {n: self.tensor(values[n], where) for n in op.inputs}
        result = self.add(op.name, wished, taken, inputs, where)
        if declared.get("inplace"):
            return self.changed_in_place(inputs["x"], result, where)
        return self._several(name, op.name, result, taken, helper)

    def _several(
        self, name: str, operator: str, result: Tensor, taken: Mapping[str, Any], helper: bool
    ) -> Value:
        """What torch's function returns, where that is not one tensor."""
        if name in ("max", "min") and taken["dim"] is not None:
            return result, Unusable(f"there are no places of the {name} here")
        if operator == "Split" or helper:
            outputs = self.graph.node(result.node).outputs
            every = tuple(Tensor(result.node, o, result.viewed) for o in outputs)
            return every if len(every) > 1 or operator == "Split" else result
        return result

    def _drops(self, training: Value, where: ast.AST) -> bool:
        if training is True:
            refuse(where, f"{source(where)} drops even when the net is asked: "
                   "say training=self.training")  # fmt: skip
        if training not in (False, TRAINING):
            refuse(where, f"{source(where)}: training is not understood")
        return bool(training is TRAINING)

    def _joined(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Tensor:  # fmt: skip
        found = signatures.bound(where, name, signatures.of_text("tensors, dim=0"), given, named)
        op = ops.get("Stack" if name == "stack" else "Concat")
        if not isinstance(found["tensors"], list | tuple):
            refuse(where, f"{source(where)}: the tensors are not written out as a list")
        inputs = {f"x{i}": self.tensor(v, where) for i, v in enumerate(found["tensors"])}
        dim = signatures.plain(where, op, "dim", found["dim"])
        return self.add(op.name, wished, {"dim": dim}, inputs, where)

    def _einsum(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Tensor:  # fmt: skip
        if named or not given or not isinstance(given[0], str):
            refuse(where, f"{source(where)}: the equation is not written out")
        inputs = {f"x{i}": self.tensor(v, where) for i, v in enumerate(given[1:])}
        return self.add("Einsum", wished, {"equation": given[0]}, inputs, where)

    def _reshape(
        self, name: str, given: Sequence[Value], named: Mapping[str, Value], wished: str,
        where: ast.AST,
    ) -> Tensor:  # fmt: skip
        """Lengths that are read off the input stay what they are there: 0."""
        parts = list(given[1:])
        if len(parts) == 1 and isinstance(parts[0], tuple | list):
            parts = list(parts[0])
        x = self.tensor(given[0], where)
        shape = [0 if self._kept(part, x, i, where) else part for i, part in enumerate(parts)]
        whole = all(isinstance(d, int) and not isinstance(d, bool) for d in shape)
        if named or not parts or not whole or any(d == 0 for d in parts):
            refuse(where, f"{source(where)}: the shape is not written out")
        if shape[0] == -1 and -1 not in shape[1:]:
            shape[0] = 0  # the batch, as nearly everybody means it: checked with the input's shape
        return self.add("Reshape", wished, {"shape": tuple(shape)}, {"x": x}, where)

    def _kept(self, part: Value, x: Tensor, axis: int, where: ast.AST) -> bool:
        """Whether a length is that of x at the same place."""
        if not isinstance(part, Length) or part.axis != axis:
            return False
        if part.tensor is not x and axis == 0:
            self.alike.append((part.tensor, Tensor(x.node, x.output), where))
        return part.tensor is x or axis == 0

    # -- parts of a tensor --------------------------------------------------------------------

    def part(self, x: Tensor, index: Sequence[Value], wished: str, where: ast.AST) -> Tensor:
        """``x[:, 0, 2:5]``: slices, places and new axes, one axis after the other."""
        if Ellipsis in index[1:]:
            refuse(where, f"{source(where)}: an ellipsis that does not come first")
        if index and index[0] is Ellipsis:
            rest = [i for i in index[1:] if i is not None]
            if len(rest) != 1 or len(index) != 2:
                refuse(where, f"{source(where)}: an ellipsis before more than one axis")
            return self._cut(x, -1, rest[0], wished, where)[0]
        dim, found = 0, x
        for i in index:
            name = wished if i is index[-1] else ""
            found, kept = self._cut(found, dim, i, name, where)
            dim += kept
        return found

    def _cut(
        self, x: Tensor, dim: int, index: Value, wished: str, where: ast.AST
    ) -> tuple[Tensor, int]:
        """One axis cut; and 1 if it stays an axis."""
        if index is None:
            return self.add("Unsqueeze", wished, {"dim": dim}, {"x": x}, where), 1
        if isinstance(index, slice):
            ends = {"start": index.start or 0, "end": index.stop, "step": index.step or 1}
            if ends == {"start": 0, "end": None, "step": 1}:
                return x, 1
            op = ops.get("Slice")
            taken = {k: signatures.plain(where, op, k, v) for k, v in ends.items()}
            return self.add("Slice", wished, {"dim": dim, **taken}, {"x": x}, where), 1
        if not isinstance(index, int) or isinstance(index, bool):
            refuse(where, f"{source(where)}: an index that is no plain number")
        one = {"dim": dim, "start": index, "end": None if index == -1 else index + 1}
        cut = self.add("Slice", "", one, {"x": x}, where)
        return self.add("Squeeze", wished, {"dim": dim}, {"x": cut}, where), 0
