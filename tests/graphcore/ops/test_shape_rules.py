"""Shape rules meet anything that can be drawn: they answer with shapes or with one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcore as gc
from graphcore.dims import Batch, at_batch
from graphcore.errors import Fix, GradscapeError, ShapeError
from graphcore.ops import REQUIRED, Attr, OperatorClass, all_operators

DIMS = st.one_of(
    st.integers(1, 9), st.sampled_from([0, 12, 49, 784]), st.builds(Batch, st.integers(1, 3))
)
SHAPES = st.one_of(
    st.lists(DIMS, max_size=5).map(tuple),
    st.lists(st.integers(1, 9), max_size=4).map(lambda s: (Batch(), *s)),
)
WORDS = st.sampled_from(
    ["nk,mk->nm", "ij->", "ab,bc", "aa->a", "i->j", "", "->", "x", "a,b,c->abc"]
)


def values(attr: Attr) -> st.SearchStrategy[Any]:
    """Anything that the inspector could hand over for this attribute."""
    low = -3 if attr.minimum is None else int(attr.minimum)
    whole = st.integers(low, low + 7)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "int": whole,
        "float": st.floats(low + 0.01 if attr.minimum else low, attr.maximum or 5.0),
        "bool": st.booleans(),
        "text": st.sampled_from(attr.choices) if attr.choices else WORDS,
        "ints": st.lists(whole, max_size=5),
        "size": st.one_of(whole, st.lists(whole, min_size=1, max_size=3)),
        "axes": st.one_of(whole, st.lists(whole, max_size=3)),
        "shape": st.lists(st.integers(1, 5), max_size=3),
        "array": st.one_of(st.floats(-2, 2), st.lists(st.floats(-2, 2), max_size=4)),
    }
    found = kinds[attr.kind or "text"]
    if attr.optional or attr.default is None:
        found = st.one_of(st.none(), found)
    return found if attr.default is REQUIRED else st.one_of(st.just(attr.default), found)


@st.composite
def drawings(draw: st.DrawFn, op: OperatorClass) -> tuple[list[Any], dict[str, Any]]:
    count = draw(st.integers(0, 3)) if op.variadic else len(op.inputs)
    shapes = [draw(SHAPES) for _ in range(count)]
    if count > 1 and draw(st.booleans()):
        shapes = [shapes[0]] * count
    return shapes, {attr.name: draw(values(attr)) for attr in op.attrs}


RULES = [op for op in all_operators() if op.name not in ("Composite", "Target")]


@pytest.mark.parametrize("op", RULES, ids=lambda op: op.name)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_anything_gives_a_shape_or_a_sentence(op: OperatorClass, data: st.DataObject) -> None:
    shapes, given_attributes = data.draw(drawings(op))
    try:
        attributes = op.complete(given_attributes)
        found = op.infer_shape(*shapes, **attributes)
        several = isinstance(found, tuple) and found and isinstance(found[0], tuple)
        outputs = found if several else (found,)
        assert len(outputs) == len(op.outputs_for(attributes))
        for shape in outputs:
            assert all(isinstance(d, Batch) or (isinstance(d, int) and d >= 0) for d in shape)
        parameters = op.parameter_shapes(*shapes, **attributes)
        buffers = op.buffer_shapes(*shapes, **attributes)
        for shape in (*parameters.values(), *(s for s, _ in buffers.values())):
            assert all(isinstance(d, int) for d in shape), "a parameter has no batch axis"
        op.multiply_adds(shapes, outputs[0], attributes)
    except GradscapeError as error:
        assert str(error).endswith("."), error
        assert op.name in str(error) or "batch" in str(error).lower(), error
        fix = getattr(error, "fix", None)
        if fix is not None:
            check_fix(fix, op, shapes, given_attributes)


def check_fix(fix: Fix, op: OperatorClass, shapes: list[Any], given_attributes: Any) -> None:
    """A repair that is offered is one that helps: this error is gone, or another one is left."""
    if fix.kind == "set":
        op.complete({**given_attributes, **fix.attributes})
        return
    inserted = gc.ops.get(fix.operator)
    attributes = inserted.complete(fix.attributes)
    place = 0 if fix.input not in op.inputs else op.inputs.index(fix.input)
    shapes = list(shapes)
    shapes[place] = inserted.infer_shape(shapes[place], **attributes)
    try:
        op.infer_shape(*shapes, **op.complete(given_attributes))
    except ShapeError as left:
        assert left.fix is None or left.fix != fix, "the repair changes nothing"


FIXES = [
    ("Linear", (Batch(), 1, 28, 28), {"out_features": 10}, "Flatten"),
    ("Conv2d", (Batch(), 784), {"out_channels": 4, "kernel_size": 3}, "Reshape"),
    ("Conv2d", (Batch(), 28, 28), {"out_channels": 4, "kernel_size": 3}, "Unsqueeze"),
    ("ConvTranspose2d", (Batch(), 49), {"out_channels": 4, "kernel_size": 3}, "Reshape"),
    ("Conv1d", (Batch(), 30), {"out_channels": 4, "kernel_size": 3}, "Unsqueeze"),
    ("Conv2d", (Batch(), 3, 8, 8), {"out_channels": 4, "kernel_size": 3, "groups": 2}, "set"),
    ("MultiheadAttention", (Batch(), 5, 6), {"num_heads": 4}, "set"),
    ("GroupNorm", (Batch(), 6, 4, 4), {"num_groups": 4}, "set"),
    ("LayerNorm", (Batch(), 6), {"normalized_shape": [5]}, "set"),
    ("PReLU", (Batch(), 6), {"num_parameters": 5}, "set"),
    ("Var", (Batch(), 1), {"dim": 1}, "set"),
    ("BatchNorm1d", (Batch(), 6, 4, 4), {}, "Flatten"),
    ("LSTM", (Batch(), 1, 28, 28), {"hidden_size": 8}, "Squeeze"),
    ("GRU", (Batch(), 28), {"hidden_size": 8}, "Unsqueeze"),
]


@pytest.mark.parametrize(("name", "shape", "attributes", "repair"), FIXES)
def test_a_one_click_repair_works(name: str, shape: Any, attributes: Any, repair: str) -> None:
    op = gc.ops.get(name)
    with pytest.raises(ShapeError) as refusal:
        op.infer_shape(shape, **op.complete(attributes))
    fix = refusal.value.fix
    assert fix is not None
    if repair == "set":
        assert fix.kind == "set"
        op.infer_shape(shape, **op.complete({**attributes, **fix.attributes}))
    else:
        assert (fix.kind, fix.operator) == ("insert", repair)
        inserted = gc.ops.get(repair)
        between = inserted.infer_shape(shape, **inserted.complete(fix.attributes))
        op.infer_shape(between, **op.complete(attributes))


def test_batch_axes_of_a_known_size_agree_with_concrete_ones() -> None:
    concat = gc.ops.get("Concat")
    found = concat.infer_shape((Batch(), 3), (Batch(2), 3), dim=0)
    assert at_batch(found, 5) == (15, 3)
