"""A PyTorch module as a graph, read from its source: nothing of it is ever run.

The net comes out as PyTorch would compute it, or is refused with the line that is not understood,
and nothing is built. Shapes of inputs that the source does not say are found by trying: the
lengths that its layers are written for must come out.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from graphcore import ops
from graphcore.errors import FileError
from graphcore.files.torch import signatures
from graphcore.files.torch.calls import defaults
from graphcore.files.torch.reader import Reader
from graphcore.files.torch.values import Held, Layer, Own, State, Tensor, Value, held_by, refuse
from graphcore.graph.drawing.layers import layout
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.graph.training_settings import TrainingSettings

SIDES = (28, 32, 224, 64, 16, 8, 128, 96, 256, 299, *range(1, 65))
_LAYS_OUT = ("Slice", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Transpose", "Permute")
"""Operators that leave whole numbers as they are."""
LENGTHS = (1, 16, *range(2, 65))
"""Sizes of pictures and sequences that are tried where the source does not say them."""


@dataclass(frozen=True)
class SourceNet:
    """A module that was read: its graph, and the names of the nodes that it is fed and answers by.

    Attributes:
        outputs: in the order in which ``forward`` returns them.
    """

    graph: Graph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_net(text: str, shapes: Sequence[tuple[int, ...]] = ()) -> SourceNet:
    """Return the module in a source text with its ends.

    Args:
        shapes: shape of one sample of each input, where it is known; else it is found by trying.

    Raises:
        FileError: there is no module, or one that is not understood; with the line.
    """
    try:
        tree = ast.parse(text)
        return _Module(tree, shapes).net()
    except SyntaxError as error:
        raise FileError(f"Line {error.lineno} is not Python: {error.msg}.") from None
    except (RecursionError, MemoryError):
        raise FileError("The source is nested too deeply to be read.") from None
    except ValueError as error:
        raise FileError(f"The source cannot be read: {error}.") from None


class _Module:
    """One source and the module in it."""

    def __init__(self, tree: ast.Module, shapes: Sequence[tuple[int, ...]] = ()) -> None:
        self.tree, self.reader = tree, Reader(tree)
        self.nodes = self.reader.nodes
        self.inputs: dict[str, tuple[Any, ...] | None] = {}
        self._given = list(shapes)
        self._answer: list[Tensor] = []

    def net(self) -> SourceNet:
        """The graph and its ends; an answer that is not a node's first output gets an Output."""
        graph = self.graph()
        outputs = []
        for part in self._answer:
            name = part.node
            if part.output != graph.node(name).outputs[0]:
                name = graph.add("Output").name
                graph.connect(part.node, name, output=part.output)
            outputs.append(name)
        return SourceNet(graph, tuple(self.inputs), tuple(outputs))

    def graph(self) -> Graph:
        cls = self._net()
        said = self._said_shapes(cls)
        net = self.reader.objects.made(cls, [], {}, cls)
        inside = list(held_by(net))
        for path, part in inside:
            if isinstance(part, Layer | Held) and not part.path:
                part.path = path
        self._run(net, said)
        self._check_used(inside)
        self._find_shapes()
        graph = self.nodes.graph
        graph.set_training(self._training())
        for name, place in layout(graph).items():
            graph.update(name, position=place)
        return graph

    def _net(self) -> ast.ClassDef:
        """The last module with a forward that no other class of the source uses."""
        found = []
        for cls in self.reader.classes.values():
            root = self.reader.objects.root_of(cls, cls) if cls.bases else ""
            forward = any(isinstance(s, ast.FunctionDef) and s.name == "forward" for s in cls.body)
            chain = root == "torch.nn.Sequential"
            if root.startswith("torch.nn.") and (forward or chain) and cls.name not in ops.names():
                found.append(cls)
            elif root not in ("", "builtins.object") and forward and cls.name not in ops.names():
                refuse(cls, f"class {cls.name} derives from {root}, which is not understood")
        if not found:
            raise FileError("There is no class with a forward method that derives from nn.Module.")
        used = {
            n.id for cls in self.reader.classes.values() for n in ast.walk(cls)
            if isinstance(n, ast.Name) and n.id != cls.name
        }  # fmt: skip
        return [cls for cls in found if cls.name not in used or len(found) == 1][-1:][0]

    def _said_shapes(self, cls: ast.ClassDef) -> dict[str, tuple[Any, ...]]:
        """``inputs = {"x": ("N", 1, 28, 28)}``, as exported scripts have it."""
        for statement in cls.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "inputs":
                with contextlib.suppress(ValueError):
                    value = signatures.literal(statement.value)
                    return value if isinstance(value, dict) else {}
        return {}

    def _training(self) -> TrainingSettings:
        """Settings as exported scripts have them; else a data set that fits two numbers."""
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "TRAINED":
                with contextlib.suppress(ValueError, msgspec.ValidationError):
                    return msgspec.convert(signatures.literal(statement.value), TrainingSettings)
        shapes = [n.attributes["shape"] for n in self.nodes.graph if n.operator == "Input"]
        return TrainingSettings(dataset="circle") if shapes == [(2,)] else TrainingSettings()

    # -- the passes ---------------------------------------------------------------------------

    def _run(self, net: Own, said: dict[str, tuple[Any, ...]]) -> None:
        """Go through forward, and through loss if there is one with what it returned."""
        found: dict[str, Value] = {}
        for method in ("forward", "loss"):
            bound = self.reader.objects.written_method(net, method, net.cls)
            function = bound.function if bound else None
            if function is None:
                if method == "forward":
                    given = [self._fed("x", said, net.cls)]
                    result = self.reader.calls.call(net, given, {}, "", net.cls)
                    self._answer = self._flat(result, net.cls)
                continue
            fixed = defaults(function)
            taken = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][1:]
            taken += [a.arg for a in function.args.kwonlyargs]
            for name in taken:
                if name not in found and name not in fixed:
                    found[name] = (
                        self._fed(name, said, function) if method == "forward"
                        else self.nodes.add("Target", name, {}, {}, function)
                    )  # fmt: skip
            values = {name: found[name] for name in taken if name in found}
            result = self.reader.calls.call(bound, [], values, "", function)
            self._check_answer(result, function)
            if method == "forward":
                self._answer = self._flat(result, function)
            found.update(self._named(function, result))

    def _check_answer(self, result: Value, function: ast.FunctionDef) -> None:
        """Refuse an answer that there is no node for."""
        parts = list(result.values()) if isinstance(result, dict) else result
        for part in parts if isinstance(parts, list | tuple) else [parts]:
            if isinstance(part, list | tuple | dict):
                self._check_answer(part, function)
            elif not isinstance(part, State):
                self.nodes.tensor(part, function)

    def _flat(self, result: Value, where: ast.AST) -> list[Tensor]:
        """All tensors of an answer, in order."""
        parts = list(result.values()) if isinstance(result, dict) else result
        if isinstance(parts, list | tuple):
            return [t for part in parts for t in self._flat(part, where)]
        return [] if isinstance(parts, State) else [self.nodes.tensor(parts, where)]

    def _named(self, function: ast.FunctionDef, result: Value) -> dict[str, Value]:
        """What forward returns, by the names it has there: loss takes it by them."""
        last = function.body[-1] if function.body else None
        if not isinstance(last, ast.Return) or last.value is None:
            return {}
        names = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
        values = result if isinstance(result, tuple) else (result,)
        pairs = zip(names, values, strict=False)
        return {n.id: v for n, v in pairs if isinstance(n, ast.Name)}

    def _fed(self, name: str, said: dict[str, tuple[Any, ...]], where: ast.AST) -> Tensor:
        shape = said.get(name)
        if self._given:
            shape = ("N", *self._given.pop(0))
        self.inputs[name] = shape
        batch = shape is None or (bool(shape) and shape[0] == "N")
        known = (1,) if shape is None else shape[1:] if batch else shape
        return self.nodes.add("Input", name, {"shape": known, "batch": batch}, {}, where)

    def _check_used(self, inside: Sequence[tuple[str, Value]]) -> None:
        """Refuse a module with weights that its forward leaves out."""
        for path, part in inside:
            weights = (isinstance(part, Held) and part.trained) or (
                isinstance(part, Layer) and bool(ops.get(part.operator).initializers)
            )
            if weights and not part.node:
                refuse(part.line, f"self.{path} is made and never used")

    # -- shapes of the inputs -----------------------------------------------------------------

    def _find_shapes(self) -> None:
        """Give every input a shape with which the layers get what they are written for."""
        graph = self.nodes.graph
        for layer in self.nodes.placed:
            if layer.operator == "Embedding":
                self._make_whole(layer)
        shapes = ShapeInference(graph)
        problem = ""
        try:
            for guess in self._guesses():
                for name, shape in guess.items():
                    graph.set_attributes(name, shape=shape)
                shapes.update()
                problem = self._misfit(shapes)
                if not problem:
                    return
        finally:
            shapes.close()
        unknown = [name for name, shape in self.inputs.items() if shape is None]
        if not unknown:
            raise FileError(f"{problem}; nothing was opened.")
        raise FileError(
            f"No shape of {' and '.join(unknown)} was found that fits all layers ({problem}): "
            f'write inputs = {{"{unknown[0]}": ("N", 3, 32, 32)}} into the class, with its own '
            "lengths; nothing was opened."
        )

    def _make_whole(self, layer: Layer) -> None:
        """Make the input that a layer takes indices from one of whole numbers."""
        graph = self.nodes.graph
        edge = graph.edge_into(layer.node, "x")
        while edge is not None and graph.node(edge.source).operator in _LAYS_OUT:
            edge = graph.edge_into(edge.source, "x")
        before = graph.node(edge.source) if edge is not None else None
        if before is None or before.operator != "Input":
            refuse(layer.line, f"{layer.path} takes indices that are computed")
        graph.set_attributes(before.name, dtype="int")

    def _guesses(self) -> Iterator[dict[str, tuple[int, ...]]]:
        """Shapes of one sample for the inputs that the source says nothing of."""
        unknown = [name for name, shape in self.inputs.items() if shape is None]
        kinds = {name: self._kind(name) for name in unknown}
        if not unknown:
            yield {}
            return
        pictures = any(rank == "picture" for rank, _ in kinds.values())
        sizes = SIDES if pictures else LENGTHS
        if all(rank == "vector" and count for rank, count in kinds.values()):
            sizes = (1,)
        for size in sizes:
            yield {name: _shaped(rank, count, size) for name, (rank, count) in kinds.items()}

    def _kind(self, name: str) -> tuple[str, int]:
        """What an input is, by the first layer that reads it: picture, series, vector, tokens."""
        below = self.nodes.graph.descendants([name])
        for layer in self.nodes.placed:
            if layer.node not in below:
                continue
            if kind := _kind_for(layer):
                return kind
        return "vector", 0

    def _misfit(self, shapes: ShapeInference) -> str:
        """What does not come out as it is written, or empty."""
        for node, problem in shapes.problems.items():
            return f"{node}: {problem.message.rstrip('.')}"
        for layer in self.nodes.placed:
            arriving = {**shapes.input_shapes(layer.node), **shapes.parameter_shapes(layer.node)}
            for name, text in ops.get(layer.operator).torch_code.arguments.items():
                if name not in layer.declared or name == "batch_first":
                    continue
                found, said = text.format(**arriving), layer.declared[name]
                if found not in (
                    str(said),
                    f"({said},)",
                    str(tuple(said) if _many(said) else said),
                ):
                    return f"{layer.path} is written for {name}={said}, but gets {found}"
        for one, other, where in self.nodes.alike:
            found_shapes = [shapes.shape(t.node, t.output) for t in (one, other)]
            firsts = [shape[0] if shape else None for shape in found_shapes]
            if firsts[0] != firsts[1]:
                return f"Line {getattr(where, 'lineno', '?')}: the axes are not as long"
        return ""


def _kind_for(layer: Layer) -> tuple[str, int] | None:
    """What a layer reads, and the length of the axis that it names; None if it says nothing."""
    known = {**layer.declared, **layer.attributes}
    operator = layer.operator
    if operator == "Embedding":
        return "tokens", 0
    if operator == "LayerNorm":
        normalized = known["normalized_shape"]
        return "vector", normalized[-1] if _many(normalized) else normalized
    picture = "series" if operator == "Conv1d" else "picture"
    kinds = {"in_channels": picture, "num_channels": "picture", "input_size": "sequence",
             "embed_dim": "sequence", "in_features": "vector",
             "num_features": "vector" if operator == "BatchNorm1d" else "picture"}  # fmt: skip
    return next(((kind, known[key]) for key, kind in kinds.items() if key in known), None)


def _many(value: Any) -> bool:
    return isinstance(value, tuple | list)


def _shaped(kind: str, count: int, size: int) -> tuple[int, ...]:
    shapes = {"picture": (count, size, size), "series": (count, size), "sequence": (size, count),
              "tokens": (size,), "vector": (count or size,)}  # fmt: skip
    return shapes[kind]
