"""The operator Gradient of ONNX's training set: calls that compute a gradient of calls before them.

The calls between are run again on shapes alone, torch's autograd writes down its own backward pass,
and that is written into the program call by call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from graphcore.exchange.onnx.tracing import FAULTS, Many, Traced, Tracer, Untraced, sizes
from graphcore.exchange.program import Call, Kind, Lin, Ref
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

MOST_CALLS = 2000
_SAME = frozenset({"detach", "alias", "clone"})
_PLACES = frozenset({"device", "layout", "pin_memory", "memory_format"})
"""Arguments that say where numbers lie, not which they are."""


def gradient(tracer: Tracer, xs: Sequence[Traced], y: Traced) -> list[Traced]:
    """Write the gradient of the sum of a tensor by others; raises Untraced.

    Args:
        xs, y: tensors of the program; y is computed from xs.
    """
    calls = _between(tracer, xs, y)
    read = [tracer.traced[n] for n in _outside(calls, xs)]
    ones = tracer.known_at([torch.ones(t.shape, dtype=tracer.floats) for t in y.at])
    given = [*xs, *read, ones]
    traces = [_trace(tracer, calls, xs, read, y, i) for i in range(len(tracer.batches))]
    columns = list(zip(*(t.graph.nodes for t in traces), strict=False))
    if len({len(t.graph.nodes) for t in traces}) > 1 or not _alike(columns):
        raise Untraced("its gradient is computed in another way for each number of samples")
    return _write(tracer, columns, given)


def _between(tracer: Tracer, xs: Sequence[Traced], y: Traced) -> list[Call]:
    """The calls that lead from xs to y, in order."""
    reached = {x.name for x in xs}
    ahead = []
    for call in tracer.program.calls:
        if reached & _names(call.arguments):
            reached |= {n for n in call.outputs if n}
            ahead.append(call)
    wanted, found = {y.name}, []
    for call in reversed(ahead):
        if wanted & set(call.outputs):
            wanted |= _names(call.arguments)
            found.append(call)
    if not y.name or not all(x.name in wanted for x in xs) or len(found) > MOST_CALLS:
        raise Untraced("what it differentiates does not depend on its inputs")
    return found[::-1]


def _names(value: Any) -> set[str]:
    if isinstance(value, Ref):
        return {value.name}
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return set().union(*map(_names, parts))
    return set()


def _outside(calls: Sequence[Call], xs: Sequence[Traced]) -> list[str]:
    """Names that the calls read and neither make nor differentiate by."""
    made = {x.name for x in xs} | {n for call in calls for n in call.outputs if n}
    return sorted({n for call in calls for n in _names(call.arguments)} - made)


def _trace(
    tracer: Tracer, calls: Sequence[Call], xs: Sequence[Traced], read: Sequence[Traced], y: Traced,
    i: int,
) -> Any:  # fmt: skip
    """The backward pass at one batch size, as torch writes it down."""
    from torch.fx.experimental.proxy_tensor import make_fx

    given = [t.at[i].to("meta") for t in (*xs, *read)]

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        *held, ones = tensors
        names = [t.name for t in (*xs, *read)]
        values = dict(zip(names, held, strict=True))
        leaves = [values[x.name].detach().requires_grad_() for x in xs]
        values.update({x.name: leaf for x, leaf in zip(xs, leaves, strict=True)})
        for call in calls:
            _replay(tracer, call, values, i)
        found = torch.autograd.grad(values[y.name], leaves, ones, allow_unused=True)
        return tuple(torch.zeros_like(x) if g is None else g
                     for x, g in zip(leaves, found, strict=True))  # fmt: skip

    ones = torch.ones(y.at[i].shape, dtype=tracer.floats, device="meta")
    try:
        with torch.enable_grad(), torch.inference_mode(False):
            made = make_fx(run, _taken_apart())(*given, ones)
    except FAULTS as error:
        raise Untraced(f"torch has no gradient of it ({str(error).splitlines()[0][:80]})") from None
    made.graph.eliminate_dead_code()
    return made


def _taken_apart() -> dict[Any, Any]:
    """How torch writes the backward kernels of single operators in plain arithmetic."""
    from torch._decomp import core_aten_decompositions

    table = dict(core_aten_decompositions())
    return {op: rule for op, rule in table.items() if "backward" in str(op)}


def _replay(tracer: Tracer, call: Call, values: dict[str, Any], i: int) -> None:
    _, name, kind = call.target.split(".")
    operation = getattr(getattr(torch.ops.aten, name), kind)
    given = {k: _plain(tracer, v, values, i) for k, v in call.arguments.items()}
    first = given.pop(next(iter(given)))
    result = operation(first, **given)
    results = list(result) if isinstance(result, list | tuple) else [result]
    values.update({n: r for n, r in zip(call.outputs, results, strict=False) if n})


def _plain(tracer: Tracer, value: Any, values: dict[str, Any], i: int) -> Any:
    if isinstance(value, Ref):
        return values[value.name]
    if isinstance(value, list):
        return [_plain(tracer, v, values, i) for v in value]
    if isinstance(value, Lin):
        return value.count * tracer.batches[i] + value.plus
    if isinstance(value, Kind):
        return tracer.dtype(value)
    return value


def _alike(columns: Sequence[tuple[Any, ...]]) -> bool:
    return all(len({(n.op, str(n.target)) for n in row}) == 1 for row in columns)


def _write(
    tracer: Tracer, columns: Sequence[tuple[Any, ...]], given: Sequence[Traced]
) -> list[Traced]:
    """Write what torch noted, one node after the other; returns its results."""
    made: dict[Any, Any] = {}
    waiting = iter(given)
    for row in columns:
        node = row[0]
        if node.op == "placeholder":
            made[node] = next(waiting)
        elif node.op == "output":
            return [made[n] for n in node.args[0]]
        elif node.target is _getitem():
            made[node] = made[node.args[0]][node.args[1]]
        else:
            made[node] = _written(tracer, row, made)
    raise Untraced("its gradient has no result")


def _getitem() -> Callable[..., Any]:
    import operator

    return operator.getitem


def _written(tracer: Tracer, row: tuple[Any, ...], made: dict[Any, Any]) -> Any:
    node = row[0]
    _, name, kind = str(node.target).split(".")
    if name in _SAME:
        return made[node.args[0]]
    keys = [a.name for a in node.target._schema.arguments]
    each = [{**dict(zip(keys, n.args, strict=False)), **n.kwargs} for n in row]
    arguments = {
        k: _merged([e[k] for e in each], made) for k in each[0]
        if k not in _PLACES and each[0][k] is not None
    }  # fmt: skip
    return tracer.call(f"{name}.{kind}", **arguments)


def _merged(values: list[Any], made: dict[Any, Any]) -> Any:
    """An argument at all batch sizes as one."""
    first = values[0]
    if isinstance(first, torch.fx.Node):
        return made[first]
    if isinstance(first, list | tuple):
        return [_merged(list(column), made) for column in zip(*values, strict=True)]
    if isinstance(first, torch.dtype):
        floats = first.is_floating_point
        return Kind("float" if floats else "bool" if first == torch.bool else "int")
    if type(first) is int:
        found: int | Many = sizes(values)
        return found
    if any(v != first for v in values):
        raise Untraced("its gradient follows the number of samples")
    return first
