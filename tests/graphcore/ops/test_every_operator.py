"""Every operator, by being registered: against torch, autograd, finite differences and its help.

An operator brings its cases; this file holds each of them to the same rules. What one family
alone can get wrong (ties, kinks, error texts) stands in the family's own file.
"""

from __future__ import annotations

import inspect
import re

import pytest
import torch
from torch import Tensor

import graphcore as gc
from graphcore.dims import N, at_batch
from graphcore.errors import EngineError, ShapeError
from graphcore.ops import Case, OperatorClass, all_operators, initializers
from graphcore.ops.kernels.buffered import unbroadcast
from tests.graphcore.ops.oracle import Trial, draw, label, trials

each_trial = pytest.mark.parametrize("trial", trials(), ids=label)
COMPUTING = [
    op for op in all_operators()
    if op.category != "source" and op.name not in ("Composite", "Placeholder")
]  # fmt: skip
each_operator = pytest.mark.parametrize("op", COMPUTING, ids=lambda op: op.name)


def assert_close(found: Tensor | None, wanted: Tensor, relative: float, what: str) -> None:
    """Equal within ``relative`` of the largest wanted value; None counts as zeros."""
    found = torch.zeros_like(wanted) if found is None else found
    assert found.shape == wanted.shape, what
    if not wanted.is_floating_point():
        assert torch.equal(found, wanted), what
        return
    if wanted.numel() == 0:
        return
    scale = max(float(wanted.abs().max()), 1e-3)
    worst = float((found.to(wanted.dtype) - wanted).abs().max())
    assert worst <= relative * scale, f"{what}: off by {worst:g}, largest value {scale:g}"


# -- numbers --------------------------------------------------------------------------------------


@each_trial
def test_the_numbers_are_those_of_torch_and_of_finite_differences(trial: Trial) -> None:
    wanted, wanted_grads = trial.reference(trial.g if trial.op.differentiable else None)
    outputs, found = trial.answer
    assert len(outputs) == len(trial.op.outputs_for(trial.attributes)) == len(wanted)
    for y, reference in zip(outputs, wanted, strict=True):
        assert y.dtype == reference.dtype
        assert_close(y, reference, 1e-9, "forward")
    assert all(gx is None for gx, need in zip(found, trial.needs, strict=True) if not need)
    if not trial.op.differentiable:
        assert all(gx is None for gx in found)
        return
    floats = [gx for gx, need in zip(found, trial.needs, strict=True) if need]
    for i, (gx, reference) in enumerate(zip(floats, wanted_grads, strict=True)):
        assert_close(gx, reference, 1e-9, f"gradient of input {i}")
    assert_slopes(trial)


def assert_slopes(trial: Trial) -> None:
    """Twelve entries of every gradient are what finite differences say."""
    generator = torch.Generator().manual_seed(3)
    for place, x in enumerate(trial.inputs):
        if not trial.needs[place] or x.numel() == 0:
            continue
        gx = trial.answer[1][place]
        gx = torch.zeros_like(x) if gx is None else gx
        scale = max(float(gx.abs().max()), 1.0)
        for entry in torch.randperm(x.numel(), generator=generator)[:12].tolist():
            slope = _slope(trial, place, entry)
            assert abs(float(gx.reshape(-1)[entry]) - slope) <= 1e-6 * scale, (place, entry)


def _slope(trial: Trial, place: int, entry: int, step: float = 1e-5) -> float:
    """Central difference of Σ g·y over one entry of one input."""
    sums = []
    for sign in (1, -1):
        inputs = list(trial.inputs)
        inputs[place] = inputs[place].clone()
        inputs[place].view(-1)[entry] += sign * step
        outputs = trial.forward(inputs)
        sums.append(sum(float((gt * y).sum()) for gt, y in zip(trial.g, outputs, strict=True)))
    return (sums[0] - sums[1]) / (2 * step)


@each_trial
def test_the_numbers_hold_for_whatever_comes_in_and_goes_out(trial: Trial) -> None:
    assert_float32_stays_float32(trial)
    assert_strided_gives_the_same(trial)
    assert_nothing_is_written_into(trial)
    assert_gradients_may_be_left_out(trial)


def assert_float32_stays_float32(trial: Trial) -> None:
    small = draw(trial.op, trial.case, torch.float32)
    wanted, wanted_grads = trial.answer
    g = tuple(t.float() if t.is_floating_point() else t for t in trial.g)
    outputs, grads = small.both(None, g)
    for y, reference in zip(outputs, wanted, strict=True):
        assert y.dtype == (torch.float32 if reference.is_floating_point() else reference.dtype)
        assert_close(y, reference, 2e-4, "forward of float32")
    for gx, reference in zip(grads, wanted_grads, strict=True):
        if reference is not None:
            assert gx is not None
            assert gx.dtype == torch.float32
            assert_close(gx, reference, 2e-3, "gradient of float32")


def assert_strided_gives_the_same(trial: Trial) -> None:
    """Neither inputs nor gradients need lie side by side in memory."""
    wanted = trial.answer[0]
    ones = tuple(torch.ones((), dtype=y.dtype).expand(y.shape) for y in wanted)
    found, found_grads = trial.both([_strided(t) for t in trial.inputs], ones)
    _, wanted_grads = trial.both(None, tuple(t.contiguous() for t in ones))
    for y, reference in zip(found, wanted, strict=True):
        assert_close(y, reference, 1e-9, "forward of strided inputs")
    for gx, reference in zip(found_grads, wanted_grads, strict=True):
        if reference is not None:
            assert_close(gx, reference, 1e-9, "gradient of strided inputs")


def _strided(t: Tensor) -> Tensor:
    """The same numbers, not lying side by side in memory."""
    if t.dim() == 0:
        return t
    wide = t.new_zeros((*t.shape, 2))
    wide[..., 0] = t
    spread = wide[..., 0]
    if t.dim() > 1:
        spread = spread.transpose(0, 1).clone().transpose(0, 1)
    return spread


def assert_nothing_is_written_into(trial: Trial) -> None:
    """What came in is what was drawn, whatever was computed with it."""
    kept = tuple(t.clone() for t in trial.g)
    inputs = [t.clone() for t in trial.inputs]
    outputs, _ = trial.both(inputs, trial.g)
    drawn = draw(trial.op, trial.case).inputs
    assert all(map(torch.equal, inputs, drawn)), "an input was written into"
    assert all(map(torch.equal, trial.inputs, drawn)), "an input was written into"
    assert all(map(torch.equal, trial.g, kept)), "a gradient was written into"
    assert all(map(torch.equal, outputs, trial.forward())), "the second time gives other numbers"


def assert_gradients_may_be_left_out(trial: Trial) -> None:
    """Only the first input's gradient is asked for: the others may be anything, it stays right."""
    if not trial.op.differentiable or not trial.needs[0] or len(trial.inputs) < 2:
        return
    context = trial.context()
    context.needs = (True, *[False] * (len(trial.inputs) - 1))
    with torch.inference_mode():
        y = trial.op.run_forward(context, trial.inputs, trial.attributes)
        g = trial.g if len(trial.g) > 1 else trial.g[0]
        gx = trial.op.run_vjp(context, g, y, trial.inputs, trial.attributes)
    assert len(gx) == len(trial.inputs)
    wanted = trial.answer[1][0]
    if wanted is not None:
        found = unbroadcast(gx[0], trial.inputs[0].shape)
        assert_close(found, wanted, 1e-12, "gradient of the first input alone")


# -- shapes ---------------------------------------------------------------------------------------


def inferred(trial: Trial, shapes: tuple[gc.dims.Shape, ...]) -> tuple[gc.dims.Shape, ...]:
    found = trial.op.infer_shape(*shapes, **trial.attributes)
    several = isinstance(found, tuple) and found and isinstance(found[0], tuple)
    return found if several else (found,)


@each_trial
def test_the_shape_is_inferred_also_of_a_batch_of_one_and_of_none(trial: Trial) -> None:
    assert inferred(trial, trial.case.shapes) == tuple(tuple(y.shape) for y in trial.forward())
    if trial.case.shapes and trial.case.shapes[0]:
        for batch in (1, 0):
            assert_batch(trial, batch)


def assert_batch(trial: Trial, batch: int) -> None:
    """Shapes and numbers of another batch are right, where torch takes it."""
    shapes = trial.case.shapes
    old = shapes[0][0]
    resized = tuple((batch, *s[1:]) if s and s[0] == old else s for s in shapes)
    case = Case(
        resized, trial.case.attributes, trial.case.reference, trial.case.domain,
        trial.case.classes, trial.case.training,
    )  # fmt: skip
    try:
        other = draw(trial.op, case)
        shapes_out = inferred(other, resized)
        wanted, _ = other.reference()
    except (ShapeError, RuntimeError, ValueError, IndexError, UserWarning):
        return  # not legal here; torch refuses as well, or the shape rule does
    try:
        outputs = other.forward()
    except EngineError:
        return
    assert tuple(tuple(y.shape) for y in outputs) == shapes_out
    for y, reference in zip(outputs, wanted, strict=True):
        torch.testing.assert_close(y, reference, equal_nan=True)
    _, grads = other.both(None, other.output_gradients(outputs))
    for gx, x in zip(grads, other.inputs, strict=True):
        assert gx is None or gx.shape == x.shape


@each_operator
def test_a_symbolic_batch_gives_the_same_shape(op: OperatorClass) -> None:
    """N in place of axis 0, in some case at least: a net must be drawable before it runs."""
    passed = 0
    for case in op.cases():
        if not case.shapes or not case.shapes[0] or case.shapes[0][0] == 0:
            continue
        batch = case.shapes[0][0]
        trial = draw(op, case)
        symbolic = tuple((N, *s[1:]) if s and s[0] == batch else s for s in case.shapes)
        try:
            found = inferred(trial, symbolic)
        except ShapeError:
            continue
        concrete = inferred(trial, case.shapes)
        assert tuple(at_batch(s, batch) for s in found) == concrete
        parameters = op.parameter_shapes(*symbolic, **trial.attributes)
        assert all(isinstance(d, int) for shape in parameters.values() for d in shape)
        passed += 1
    assert passed


# -- in a graph -----------------------------------------------------------------------------------


@each_operator
def test_the_engine_gets_the_same_numbers(op: OperatorClass) -> None:
    trial = draw(op, op.cases()[0])
    if trial.case.training:
        trial = next((t for t in (draw(op, c) for c in op.cases()) if not t.case.training), trial)
    graph = gc.Graph()
    node = graph.add(op.name, name="op", **trial.case.attributes)
    for i, shape in enumerate(trial.case.shapes):
        whole = not trial.inputs[i].is_floating_point()
        dtype = "int" if whole else "float"
        source = graph.add("Input", name=f"i{i}", shape=shape, batch=False, dtype=dtype)
        graph.connect(source, node)
    plan = gc.compile(graph, dtype="float64", mode="inspect")
    names = list(op.parameter_shapes(*trial.case.shapes, **trial.attributes))
    data = len(trial.case.shapes)
    assert tuple(names) == op.parameter_names(trial.attributes)
    for name, value in zip(names, trial.inputs[data:], strict=True):
        plan.parameters[f"op.{name}"].copy_(value)
    plan.forward(
        {f"i{i}": t for i, t in enumerate(trial.inputs[:data])}, training=trial.case.training
    )
    outputs = trial.forward()
    for name, y in zip(op.outputs_for(trial.attributes), outputs, strict=True):
        assert_close(plan.value("op", name), y, 1e-12, name)
    if not op.differentiable or not any(trial.needs):
        return
    g = trial.output_gradients(outputs)
    plan.backward("op", g[0])
    only_first = (g[0], *(torch.zeros_like(t) for t in g[1:]))
    _, wanted = trial.both(None, only_first)
    for i, gx in enumerate(wanted):
        name = f"i{i}" if i < data else f"op.{names[i - data]}"
        if gx is not None:
            assert_close(plan.grad(name), gx, 1e-12, name)


# -- help -----------------------------------------------------------------------------------------


def sections(op: OperatorClass) -> dict[str, str]:
    """Body of each section of the help page, by its title."""
    text = inspect.cleandoc(op.__doc__ or "")
    parts = re.split(r"^(Inputs|Attributes|Output|Outputs|Gradient|Source):\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("op", all_operators(), ids=lambda op: op.name)
def test_the_help_page_is_complete(op: OperatorClass) -> None:
    found = sections(op)
    assert op.summary().endswith((".", ":")), "the first line is a sentence"
    for name in op.inputs + tuple(op.initializers) * (op.category != "source"):
        assert re.search(rf"\b{name}\b", found["Inputs"]), f"{name} is not explained"
    for attr in op.attrs:
        assert re.search(rf"\b{attr.name}\b", found["Attributes"]), f"{attr.name} is not explained"
        assert attr.help.endswith("."), attr.name
    if op.name == "Composite":
        return
    outputs = found.get("Output", found.get("Outputs", ""))
    for name in op.outputs:
        assert re.search(rf"\b{name}\b", outputs), f"{name} is not explained"
    assert found["Gradient"].strip()
    if op.category not in ("source", "composite"):
        assert found["Source"].strip()


@each_operator
@pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")
def test_cases_and_formulas_are_there(op: OperatorClass) -> None:
    import ziamath

    assert op.cases()
    assert all(case.reference is not None for case in op.cases())
    if op.category == "composite" or op.name == "Formula":
        return  # the user's own text is the formula
    assert op.formula
    assert op.derivative
    for text in (op.formula, op.derivative):
        assert ziamath.Latex(text).svg()


@each_operator
def test_every_parameter_has_an_initialiser(op: OperatorClass) -> None:
    for text in op.initializers.values():
        initializers.check(text)
    for case in op.cases():
        attributes = op.complete(case.attributes)
        assert set(op.parameter_shapes(*case.shapes, **attributes)) <= set(op.initializers)
