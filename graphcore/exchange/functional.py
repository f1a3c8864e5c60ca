"""Calls that write into a tensor, as calls that make a new one.

An exported graph may change values in place (``relu_``), also through a view (``y[:, 0] = 1``).
Here each such call becomes its functional form; what was written into a view is put back into the
tensor that it shows a part of, and other views of that tensor are taken again before their next
use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphcore.errors import FileError
from graphcore.exchange.program import Call, Program, Ref, Size, Value, add_sizes

_RESHAPED = ("view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze")
_SAME = ("alias", "detach", "view_as", "contiguous")
_VIEWS = frozenset(
    {
        *_RESHAPED, *_SAME, "select", "slice", "transpose", "permute", "t", "unsqueeze", "narrow",
        "diagonal", "split", "split_with_sizes", "chunk", "unbind", "expand", "numpy_T", "mT",
    }
)  # fmt: skip


@dataclass
class _View:
    """One step from a tensor to a view of it."""

    call: Call
    output: int


@dataclass
class _Name:
    """A tensor's name: what it is a view of, and the value that stands for it now."""

    root: str
    chain: tuple[_View, ...] = ()
    value: str = ""
    version: int = 0


@dataclass
class _Root:
    """A tensor with numbers of its own."""

    value: str
    version: int = 0


@dataclass
class _Functional:
    program: Program
    calls: list[Call] = field(default_factory=list)
    names: dict[str, _Name] = field(default_factory=dict)
    roots: dict[str, _Root] = field(default_factory=dict)
    count: int = 0

    def run(self) -> list[Call]:
        for call in self.program.calls:
            operation = call.target.split(".")[1]
            if _writes(operation):
                self._write(call, operation)
                continue
            if operation == "broadcast_tensors" and self._alike(call):
                continue
            current = self._current(call)
            self.calls.append(current)
            for i, output in enumerate(call.outputs):
                if output is not None:
                    self._note(output, current, i, operation)
        return self.calls

    def _alike(self, call: Call) -> bool:
        """Whether tensors that are brought to one shape have it; the results are they themselves.

        torch's losses of quantities begin with this.
        """
        given = call.arguments["tensors"]
        shapes = [self.program.value(ref.name).shape for ref in given]
        if any(shape != shapes[0] for shape in shapes):
            return False
        for output, ref in zip(call.outputs, given, strict=True):
            if output is not None:
                self.names[output] = self._name(ref.name)
        return True

    def _note(self, output: str, call: Call, place: int, operation: str) -> None:
        source = call.arguments.get("self")
        if operation in _VIEWS and isinstance(source, Ref):
            original = self._name(self._origin.get(source.name, source.name))
            chain = (*original.chain, _View(call, place))
            version = self.roots[original.root].version
            self.names[output] = _Name(original.root, chain, output, version)
        else:
            self.names[output] = _Name(output, (), output)
            self.roots[output] = _Root(output)

    def _name(self, name: str) -> _Name:
        if name not in self.names:
            self.names[name] = _Name(name, (), name)
            self.roots[name] = _Root(name)
        return self.names[name]

    # -- reading ----------------------------------------------------------------------------------

    _origin: dict[str, str] = field(default_factory=dict)

    def _current(self, call: Call) -> Call:
        """The call with what its tensors are now."""
        arguments = {k: self._read_all(v) for k, v in call.arguments.items()}
        return Call(call.target, arguments, call.outputs, call.modules, call.where, call.listed)

    def _read_all(self, argument: Any) -> Any:
        if isinstance(argument, Ref):
            return Ref(self.read(argument.name))
        return [self._read_all(a) for a in argument] if isinstance(argument, list) else argument

    def read(self, name: str) -> str:
        """The value that a name stands for, taken again if what it shows was written into."""
        known = self._name(name)
        root = self.roots[known.root]
        if known.version != root.version:
            known.value = self._parts(known, root)[-1]
            known.version = root.version
        self._origin[known.value] = name
        return known.value

    def _parts(self, known: _Name, root: _Root) -> list[str]:
        """The root's value and the view after each step of the chain."""
        found = [root.value]
        for view in known.chain:
            outputs = [self._new(o) if o else None for o in view.call.outputs]
            arguments = {**view.call.arguments, "self": Ref(found[-1])}
            self.calls.append(
                Call(
                    view.call.target, arguments, tuple(outputs), view.call.modules,
                    view.call.where, view.call.listed,
                )
            )  # fmt: skip
            chosen = outputs[view.output]
            assert chosen is not None
            found.append(chosen)
        return found

    def _new(self, like: str, value: Value | None = None) -> str:
        self.count += 1
        name = f"{like}__{self.count}"
        self.program.values[name] = value or self.program.value(like)
        return name

    # -- writing ----------------------------------------------------------------------------------

    def _write(self, call: Call, operation: str) -> None:
        first = next(iter(call.arguments))
        written = call.arguments[first]
        if not isinstance(written, Ref):
            raise FileError(f"{call.target} writes into nothing{call.where}.")
        known = self._name(written.name)
        self._refuse_input_views(known, call)
        functional = self._current(call)
        functional.target = call.target.replace(f".{operation}.", f".{operation.rstrip('_')}.")
        new = self._new(written.name, self.program.value(written.name))
        functional.outputs = (new,)
        parts = self._parts(known, self.roots[known.root])
        self.calls.append(functional)
        root, result = self.roots[known.root], new
        for view, parent, child in zip(
            reversed(known.chain), reversed(parts[:-1]), reversed(parts[1:]), strict=True
        ):
            result = self._put_back(view, parent, child, result)
        root.value, root.version = result, root.version + 1
        known.value, known.version = new, root.version
        for output in call.outputs:
            if output is not None:
                self.names[output] = _Name(known.root, known.chain, new, root.version)

    def _refuse_input_views(self, known: _Name, call: Call) -> None:
        tensor = self.program.tensors.get(known.root)
        if tensor is not None and tensor.role == "buffer":
            name = tensor.name
            if not name.endswith("num_batches_tracked"):
                self.program.notes.append(
                    f"The net writes into its buffer {name}{call.where}; here it keeps its value."
                )

    def _put_back(self, view: _View, parent: str, child: str, new: str) -> str:
        """The tensor that a view shows a part of, with the new part in it."""
        operation = view.call.target.split(".")[1]
        whole = self.program.value(parent)
        if operation in _SAME:
            return new
        build = _PUT_BACK.get(operation)
        if build is None:
            raise FileError(
                f"The net writes into {operation} of a tensor, which is not understood"
                f"{view.call.where}."
            )
        target, arguments = build(view, whole, self.program.value(child), Ref(parent), Ref(new))
        result = self._new(parent, whole)
        self.calls.append(Call(target, arguments, (result,), view.call.modules, view.call.where))
        return result


def _writes(operation: str) -> bool:
    """Whether an aten operation writes into its first argument."""
    return operation.endswith("_") and not operation.startswith("_")


_Arguments = tuple[str, dict[str, Any]]


def _select(view: _View, whole: Value, part: Value, old: Ref, new: Ref) -> _Arguments:
    a = view.call.arguments
    return "aten.select_scatter.default", {
        "self": old, "src": new, "dim": a["dim"], "index": a["index"],
    }  # fmt: skip


def _slice(view: _View, whole: Value, part: Value, old: Ref, new: Ref) -> _Arguments:
    a = view.call.arguments
    given: dict[str, Any] = {k: a[k] for k in ("dim", "start", "end", "step") if k in a}
    return "aten.slice_scatter.default", {"self": old, "src": new, **given}


def _narrow(view: _View, whole: Value, part: Value, old: Ref, new: Ref) -> _Arguments:
    a = view.call.arguments
    return _stretch(old, new, a["dim"], a["start"], add_sizes(a["start"], a["length"]))


def _stretch(old: Ref, new: Ref, dim: int, start: Size, end: Size) -> _Arguments:
    return "aten.slice_scatter.default", {
        "self": old, "src": new, "dim": dim, "start": start, "end": end,
    }  # fmt: skip


def _part(view: _View, whole: Value, part: Value, old: Ref, new: Ref) -> _Arguments:
    """One of the parts that an axis was cut into; all before it are as long as they say."""
    a = view.call.arguments
    dim = a.get("dim", 0) % len(whole.shape)
    sizes = a.get("split_sizes")
    length = part.shape[dim]
    if sizes is None:
        total = whole.shape[dim]
        if not isinstance(total, int):
            raise FileError(f"The net writes into a part of the batch{view.call.where}.")
        each = a.get("split_size") or -(-total // a.get("chunks", 1))
        start: Size = each * view.output
    else:
        start = sum(sizes[: view.output])
    return _stretch(old, new, dim, start, add_sizes(start, length))


def _unbind(view: _View, whole: Value, part: Value, old: Ref, new: Ref) -> _Arguments:
    dim = view.call.arguments.get("dim", 0)
    return "aten.select_scatter.default", {
        "self": old, "src": new, "dim": dim, "index": view.output,
    }  # fmt: skip


def _reshape(view: _View, whole: Value, part: Value, old: Ref, new: Ref) -> _Arguments:
    return "aten.view.default", {"self": new, "size": list(whole.shape)}


def _transpose(view: _View, whole: Value, part: Value, old: Ref, new: Ref) -> _Arguments:
    a = view.call.arguments
    return "aten.transpose.int", {"self": new, "dim0": a["dim0"], "dim1": a["dim1"]}


def _t(view: _View, whole: Value, part: Value, old: Ref, new: Ref) -> _Arguments:
    return "aten.t.default", {"self": new}


def _permute(view: _View, whole: Value, part: Value, old: Ref, new: Ref) -> _Arguments:
    dims = [d % len(whole.shape) for d in view.call.arguments["dims"]]
    return "aten.permute.default", {
        "self": new, "dims": sorted(range(len(dims)), key=lambda i: dims[i]),
    }  # fmt: skip


_PUT_BACK: dict[str, Callable[[_View, Value, Value, Ref, Ref], _Arguments]] = {
    "select": _select, "slice": _slice, "narrow": _narrow, "transpose": _transpose, "t": _t,
    "permute": _permute, "unbind": _unbind, "unsqueeze": _reshape,
    **dict.fromkeys(_RESHAPED, _reshape),
    **dict.fromkeys(("split", "split_with_sizes", "chunk"), _part),
}  # fmt: skip


def functional(program: Program) -> list[Call]:
    """Return the calls of a program with none that writes into a tensor; raises FileError."""
    made = _Functional(program)
    calls = made.run()
    program.outputs = tuple((made.read(name), called) for name, called in program.outputs)
    return calls
