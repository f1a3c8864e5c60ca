"""Steps that undo each other, and pooling over a whole image."""

from __future__ import annotations

from typing import Any

from graphcore.exchange.onnx.patterns.calls import Calls, pattern
from graphcore.exchange.program import Call, Ref, Value

RECURRENT = ("lstm.input", "gru.input", "rnn_tanh.input", "rnn_relu.input")


def order_of(calls: Calls, argument: Any) -> tuple[Any, list[int]] | None:
    """What a tensor is with its axes in another order, and which; None for no such."""
    made, value = calls.maker(argument, "permute", "transpose.int"), calls.value(argument)
    if made is None or value is None:
        return None
    rank = len(value.shape)
    order = list(range(rank))
    if "dims" in made.arguments:
        order = [d % rank for d in made.arguments["dims"]]
    else:
        a, b = made.arguments["dim0"] % rank, made.arguments["dim1"] % rank
        order[a], order[b] = b, a
    return made.arguments["self"], order


@pattern("permute", "transpose.int")
def turned_twice(calls: Calls, call: Call) -> bool:
    """An order of an order is one order, or none at all."""
    outer = order_of(calls, Ref(call.outputs[0] or ""))
    inner = order_of(calls, outer[0]) if outer is not None else None
    if outer is None or inner is None:
        return False
    order = [inner[1][d] for d in outer[1]]
    if order == sorted(order):
        return calls.same(call, inner[0])
    return calls.write(call, "permute", **{"self": inner[0]}, dims=order)


@pattern("permute", "transpose.int", "linear", "reshape", "squeeze.dim")
def through_copies(calls: Calls, call: Call) -> bool:
    """What is given as it is, is read where it comes from."""
    found = False
    for key, argument in call.arguments.items():
        made = calls.maker(argument, "clone")
        if made is not None:
            call.arguments[key], found = made.arguments["self"], True
    return found


@pattern("squeeze.dim")
def added_and_taken(calls: Calls, call: Call) -> bool:
    """An axis that was only just added."""
    made = calls.maker(call.arguments["self"], "unsqueeze")
    value = calls.value(call.arguments["self"])
    if made is None or value is None:
        return False
    rank = len(value.shape)
    if made.arguments["dim"] % rank != call.arguments["dim"] % rank:
        return False
    return calls.same(call, made.arguments["self"])


@pattern("reshape")
def reshaped_twice(calls: Calls, call: Call) -> bool:
    """A shape of a shape."""
    made = calls.maker(call.arguments["self"], "reshape")
    if made is None or not calls.once(call.arguments["self"]):
        return False
    source = made.arguments["self"]
    wanted, there = calls.value(Ref(call.outputs[0] or "")), calls.value(source)
    if wanted is not None and there is not None and wanted.shape == there.shape:
        return calls.same(call, source)
    return calls.write(call, "reshape", **{**call.arguments, "self": source})


@pattern("mean.dim")
def whole_image(calls: Calls, call: Call) -> bool:
    """A mean over both axes of images is adaptive pooling to one place."""
    value = calls.value(call.arguments["self"])
    if value is None or len(value.shape) != 4 or not call.arguments.get("keepdim"):
        return False
    if sorted(d % 4 for d in call.arguments["dim"]) != [2, 3]:
        return False
    return calls.write(call, "adaptive_avg_pool2d", **{"self": call.arguments["self"]},
                       output_size=[1, 1])  # fmt: skip


@pattern(*RECURRENT)
def samples_first(calls: Calls, call: Call) -> bool:
    """Let a recurrent layer between two transpositions take samples first."""
    given = order_of(calls, call.arguments["input"])
    first = call.outputs[0]
    if call.arguments["batch_first"] or given is None or given[1] != [1, 0, 2] or first is None:
        return False
    value = calls.program.values[first]
    transposed = Value((value.shape[1], value.shape[0], *value.shape[2:]), value.number)
    call.arguments.update(input=given[0], batch_first=True)
    inner = f"{first}_turned"
    calls.program.values[inner] = transposed
    call.outputs = (inner, *call.outputs[1:])
    calls.append(call, "transpose.int", first, **{"self": Ref(inner)}, dim0=0, dim1=1)
    return True
