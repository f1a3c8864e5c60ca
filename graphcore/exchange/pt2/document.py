"""``models/model.json`` and the weights beside it as a ``Program``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from graphcore.errors import FileError, GradscapeError, short
from graphcore.exchange.program import (
    Call,
    Kind,
    Lin,
    Module,
    Number,
    Opaque,
    Program,
    Ref,
    Size,
    Tensor,
    Value,
    add_sizes,
    divide_sizes,
    multiply_sizes,
)
from graphcore.exchange.pt2 import archive, sizes
from graphcore.exchange.pt2.trees import leaf_names

NUMBERS: dict[int, Number] = {
    **dict.fromkeys((1, 2, 3, 4, 5), "int"), **dict.fromkeys((6, 7, 8, 13), "float"),
    **dict.fromkeys((9, 10, 11), "complex"), 12: "bool",
}  # fmt: skip
DOUBLE = 8
MOST_CALLS = 200_000
DROPPED = frozenset({"device", "layout", "pin_memory", "memory_format", "generator", "out"})
"""Arguments that say where numbers lie, not which they are."""
_PLAIN = {
    "as_int": int, "as_float": float, "as_bool": bool, "as_string": str,
    "as_ints": list, "as_floats": list, "as_bools": list, "as_strings": list,
}  # fmt: skip
_ARITHMETIC = {
    "_operator.add": add_sizes, "_operator.mul": multiply_sizes,
    "_operator.sub": lambda a, b: add_sizes(a, b, -1), "_operator.floordiv": divide_sizes,
}  # fmt: skip
_SOURCE = re.compile(r'File "([^"\n]*)", line (\d+)')


def read(path: str | os.PathLike[str], *, batch: bool = True) -> Program:
    """Read a ``.pt2`` file as data.

    Args:
        batch: whether sizes may follow the batch; else all are those of the example.

    Raises:
        FileError: it is damaged, of another kind, or holds what is not understood.
        Opaque: with ``batch``: a size is no multiple of the batch size.
    """
    with archive.opened(path) as file:
        try:
            return _Reader(file, batch).program()
        except GradscapeError:
            raise
        except RecursionError:
            raise file.refusal("its graph is nested too deeply") from None
        except (
            KeyError, TypeError, ValueError, IndexError, AttributeError, SyntaxError, MemoryError,
            AssertionError, OverflowError,
        ) as error:  # fmt: skip
            raise file.refusal(
                f"its graph is not written as torch writes it ({short(error, 60) or 'cut off'})"
            ) from None


class _Reader:
    def __init__(self, file: archive.Archive, batch: bool) -> None:
        self._file = file
        self._batch = batch
        self._made = Program(named=True)
        self._symbols: dict[str, Size] = {}
        self._ints: dict[str, Size] = {}
        self._double = False

    def program(self) -> Program:
        document = self._file.json("models/model.json")
        major = document["schema_version"]["major"]
        if type(major) is not int or not 5 <= major <= 8:
            raise self._file.refusal(f"its format is version {short(major)}; {archive.AGAIN}")
        module = document["graph_module"]
        graph, signature = module["graph"], module["signature"]
        self._choose_batch(graph, signature)
        self._read_values(graph)
        self._read_tensors(signature)
        self._read_calls(graph, ())
        self._read_ends(signature, module["module_call_graph"])
        return self._made

    # -- sizes ------------------------------------------------------------------------------------

    def _choose_batch(self, graph: dict[str, Any], signature: dict[str, Any]) -> None:
        """Every symbol that is the first size of an input is the batch size N."""
        if not self._batch:
            return
        for spec in signature["input_specs"]:
            name = spec.get("user_input", {}).get("arg", {}).get("as_tensor", {}).get("name")
            shape = graph["tensor_values"][name]["sizes"] if name else []
            symbol = sizes.symbol_of(shape[0]) if shape else ""
            if symbol:
                self._symbols[symbol] = Lin(1)
                self._made.hint = sizes.hint_of(shape[0])

    def _size(self, record: Any) -> Size:
        return sizes.size_of(record, self._symbols)

    def _sym_int(self, record: Any) -> Size:
        if "as_int" in record:
            return self._size(record)
        name = record["as_name"]
        if name not in self._ints:
            raise Opaque
        return self._ints[name]

    def _read_values(self, graph: dict[str, Any]) -> None:
        for name, meta in graph["tensor_values"].items():
            shape = tuple(self._size(d) for d in meta["sizes"])
            self._made.values[name] = Value(shape, NUMBERS[meta["dtype"]])
        for name, record in graph["sym_int_values"].items():
            try:
                self._ints[name] = self._size(record)
            except Opaque:
                continue  # calls that use it say so

    # -- tensors ----------------------------------------------------------------------------------

    def _read_tensors(self, signature: dict[str, Any]) -> None:
        kept: dict[str, dict[str, Any]] = {
            folder: self._file.json(f"{folder}/{config}")["config"]
            for folder, config in (
                ("data/weights", "model_weights_config.json"),
                ("data/constants", "model_constants_config.json"),
            )
        }
        for spec in signature["input_specs"]:
            for role, key in (
                ("parameter", "parameter_name"), ("buffer", "buffer_name"),
                ("tensor_constant", "tensor_constant_name"),
            ):  # fmt: skip
                if role in spec:
                    self._read_tensor(spec[role], role, spec[role][key], kept)
        for tensor in self._made.tensors.values():
            if tensor.role == "parameter":
                self._made.inert.setdefault(tensor.key, tensor)

    def _read_tensor(
        self, spec: dict[str, Any], role: str, name: str, kept: Mapping[str, dict[str, Any]]
    ) -> None:
        used = spec["arg"]["name"]
        folder = next((f for f in kept if name in kept[f]), "")
        if not folder:
            raise self._file.refusal(f"{short(name)} is missing in it")
        record = kept[folder][name]
        key = f"{folder}/{record['path_name']}"
        array = next((t.array for t in self._made.tensors.values() if t.key == key), None)
        wanted = tuple(archive.fixed(d) for d in record["tensor_meta"]["sizes"])
        if array is None or array.shape != wanted:
            array = self._file.tensor(folder, name, record)
        said = self._made.value(used).shape
        if said != array.shape:
            raise self._file.refusal(f"{short(name)} has the shape {array.shape}, not {said}")
        self._made.tensors[used] = Tensor(
            name, "constant" if role == "tensor_constant" else role, key, array,  # type: ignore[arg-type]
            record["tensor_meta"]["requires_grad"] is True, spec.get("persistent") is True,
        )  # fmt: skip

    # -- calls ------------------------------------------------------------------------------------

    def _read_calls(self, graph: dict[str, Any], outside: tuple[Module, ...]) -> None:
        for node in graph["nodes"]:
            if len(self._made.calls) > MOST_CALLS:
                raise self._file.refusal(f"it has more than {MOST_CALLS:,} calls")
            self._read_call(node, outside)

    def _read_call(self, node: dict[str, Any], outside: tuple[Module, ...]) -> None:
        target = node["target"].removeprefix("torch.ops.")
        if self._is_arithmetic(target, node):
            return
        metadata = node.get("metadata") or {}
        modules = modules_of(metadata.get("nn_module_stack", "")) or outside
        if target == "higher_order.wrap_with_set_grad_enabled":
            return self._inline(node, modules)
        where = _line(metadata.get("stack_trace", ""))
        if not target.startswith("aten."):
            raise FileError(f"{_short_target(target)} is not understood{where}.")
        arguments = {
            a["name"]: self._argument(a["arg"], where)
            for a in node["inputs"]
            if a["name"] not in DROPPED
        }
        outputs, listed = _outputs(node["outputs"])
        self._made.calls.append(Call(target, arguments, outputs, modules, where, listed))

    def _is_arithmetic(self, target: str, node: dict[str, Any]) -> bool:
        """Whether a call only works out a size; its value is then known from the file."""
        if target in ("aten.sym_size.int", "aten._assert_scalar.default"):
            return True
        outputs = node["outputs"]
        if outputs and all(k in o for o in outputs for k in ("as_sym_int",)):
            name = outputs[0]["as_sym_int"].get("as_name")
            if name not in self._ints and target in _ARITHMETIC:
                a, b = (self._argument(i["arg"], "") for i in node["inputs"])
                self._ints[name] = _ARITHMETIC[target](a, b)
            return True
        without_tensor = not any("as_tensor" in o or "as_tensors" in o for o in outputs)
        asserts = target.startswith(("aten._assert", "aten.sym_constrain", "_operator.", "math."))
        return without_tensor and asserts

    def _argument(self, record: dict[str, Any], where: str) -> Any:
        (kind, content), *more = record.items()
        assert not more
        if kind == "as_none":
            return None
        if kind == "as_tensor":
            return Ref(content["name"])
        if kind == "as_tensors":
            return [Ref(t["name"]) for t in content]
        if kind == "as_optional_tensors":
            return [Ref(t["as_tensor"]["name"]) if "as_tensor" in t else None for t in content]
        if kind == "as_sym_int":
            return self._sym_int(content)
        if kind == "as_sym_ints":
            return [self._sym_int(d) for d in content]
        if kind == "as_scalar_type":
            return Kind(NUMBERS[content])
        if kind in ("as_device", "as_layout", "as_memory_format"):
            return None
        if kind in _PLAIN:
            return _plain(kind, content)
        raise FileError(f"An argument of the kind {kind[3:]} is not understood{where}.")

    def _inline(self, node: dict[str, Any], modules: tuple[Module, ...]) -> None:
        """The calls inside a ``with torch.no_grad()``, with nothing going back behind them."""
        arguments = [a["arg"] for a in node["inputs"]]
        enabled, inner = arguments[0]["as_bool"], arguments[1]["as_graph"]["graph"]
        before = len(self._made.calls)
        given = [self._argument(a, "") for a in arguments[2:]]
        mark = f"inner_{before}_"
        names = {
            r["as_tensor"]["name"]: g.name
            for r, g in zip(inner["inputs"], given, strict=True)
            if "as_tensor" in r and isinstance(g, Ref)
        }
        self._read_inner(inner, names, mark, modules)
        outputs, _ = _outputs(node["outputs"])
        results = [r["as_tensor"]["name"] for r in inner["outputs"]]
        for outer, result in zip(outputs, results, strict=True):
            source = names.get(result, mark + result)
            target = "aten.clone.default" if enabled else "aten.detach.default"
            self._made.calls.append(Call(target, {"self": Ref(source)}, (outer,), modules))

    def _read_inner(
        self, graph: dict[str, Any], names: dict[str, str], mark: str, modules: tuple[Module, ...]
    ) -> None:
        """Calls of a graph inside, all its tensors called after it."""
        kept, self._made.values = self._made.values, {}
        self._read_values(graph)
        inner, self._made.values = self._made.values, kept
        kept.update({mark + name: value for name, value in inner.items()})
        start = len(self._made.calls)
        self._read_calls(graph, modules)
        renamed = {name: names.get(name, mark + name) for name in inner}
        for call in self._made.calls[start:]:
            call.outputs = tuple(renamed.get(o, o) if o else o for o in call.outputs)
            call.arguments = {k: _renamed(v, renamed) for k, v in call.arguments.items()}

    # -- ends -------------------------------------------------------------------------------------

    def _read_ends(self, signature: dict[str, Any], calls: list[dict[str, Any]]) -> None:
        top = next((c for c in calls if c["fqn"] == ""), {})
        tree = (top.get("signature") or {}).get("out_spec", "")
        inputs = []
        for spec in signature["input_specs"]:
            argument = spec.get("user_input", {}).get("arg", {})
            if "as_tensor" in argument:
                inputs.append(argument["as_tensor"]["name"])
        self._made.inputs = tuple(inputs)
        outputs = [s["user_output"]["arg"] for s in signature["output_specs"] if "user_output" in s]
        names = leaf_names(tree, len(outputs))
        self._made.outputs = tuple(
            (o["as_tensor"]["name"], n)
            for o, n in zip(outputs, names, strict=True)
            if "as_tensor" in o
        )
        if not self._made.outputs:
            raise self._file.refusal("the net in it has no tensor as its result")


def _renamed(argument: Any, names: Mapping[str, str]) -> Any:
    if isinstance(argument, Ref):
        return Ref(names.get(argument.name, argument.name))
    return [_renamed(a, names) for a in argument] if isinstance(argument, list) else argument


def _plain(kind: str, content: Any) -> Any:
    """A number, word or list of them; infinities are written as words."""
    if kind == "as_float":
        return float(content)
    if kind == "as_floats":
        return [float(v) for v in content]
    if not isinstance(content, _PLAIN[kind]):
        raise TypeError(kind)
    return content


def _outputs(records: list[dict[str, Any]]) -> tuple[tuple[str | None, ...], bool]:
    """Names of a call's results; and whether they are one list."""
    if len(records) == 1 and "as_tensors" in records[0]:
        return tuple(t["name"] for t in records[0]["as_tensors"]), True
    return tuple(r["as_tensor"]["name"] if "as_tensor" in r else None for r in records), False


def modules_of(stack: str) -> tuple[Module, ...]:
    """The calls of modules that a node stands in, the net itself left out."""
    found = []
    for part in stack.split(";") if stack else ():
        key, path, title = (*part.split(",", 2), "", "")[:3]
        if path and not path.startswith("_empty_nn_module_stack"):
            found.append(Module(path, title, key))
    return tuple(found)


def _line(trace: str) -> str:
    """Where in the user's source a call was made: the innermost line outside torch."""
    lines = [m for m in _SOURCE.findall(trace) if "/torch/" not in m[0].replace("\\", "/")]
    return f" ({os.path.basename(lines[-1][0])}, line {lines[-1][1]})" if lines else ""


def _short_target(target: str) -> str:
    return short(target.removeprefix("higher_order."))
