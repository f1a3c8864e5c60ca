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
from graphcore.ops import Case, OperatorClass, all_operators
from tests.graphcore.ops.oracle import Trial, draw, label, trials

each_trial = pytest.mark.parametrize("trial", trials(), ids=label)
COMPUTING = [op for op in all_operators() if op.category != "source" and op.name != "Composite"]
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
def test_forward_is_torchs(trial: Trial) -> None:
    wanted, _ = trial.reference()
    outputs = trial.forward()
    assert len(outputs) == len(trial.op.outputs_for(trial.attributes)) == len(wanted)
    for y, reference in zip(outputs, wanted, strict=True):
        assert y.dtype == reference.dtype
        assert_close(y, reference, 1e-9, "forward")


@each_trial
def test_vjp_is_autograds(trial: Trial) -> None:
    outputs = trial.forward()
    g = trial.output_gradients(outputs)
    _, found = trial.both(None, g)
    floats = [gx for gx, need in zip(found, trial.needs, strict=True) if need]
    assert all(gx is None for gx, need in zip(found, trial.needs, strict=True) if not need)
    if not trial.op.differentiable:
        assert all(gx is None for gx in found)
        return
    for i, (gx, wanted) in enumerate(zip(floats, trial.reference(g)[1], strict=True)):
        assert_close(gx, wanted, 1e-9, f"gradient of input {i}")


@each_trial
def test_vjp_is_what_finite_differences_say(trial: Trial) -> None:
    if not trial.op.differentiable:
        return
    g = trial.output_gradients(trial.forward())
    _, found = trial.both(None, g)
    generator = torch.Generator().manual_seed(3)
    for place, x in enumerate(trial.inputs):
        if not trial.needs[place] or x.numel() == 0:
            continue
        gx = found[place]
        gx = torch.zeros_like(x) if gx is None else gx
        scale = max(float(gx.abs().max()), 1.0)
        for entry in torch.randperm(x.numel(), generator=generator)[:12].tolist():
            slope = _slope(trial, place, entry, g)
            assert abs(float(gx.reshape(-1)[entry]) - slope) <= 1e-6 * scale, (place, entry)


def _slope(
    trial: Trial, place: int, entry: int, g: tuple[Tensor, ...], step: float = 1e-5
) -> float:
    """Central difference of Σ g·y over one entry of one input."""
    sums = []
    for sign in (1, -1):
        inputs = [t.clone() for t in trial.inputs]
        inputs[place].view(-1)[entry] += sign * step
        outputs = trial.forward(inputs)
        sums.append(sum(float((gt * y).sum()) for gt, y in zip(g, outputs, strict=True)))
    return (sums[0] - sums[1]) / (2 * step)


@each_trial
def test_float32_stays_float32(trial: Trial) -> None:
    small = draw(trial.op, trial.case, torch.float32)
    g = trial.output_gradients(trial.forward())
    wanted, wanted_grads = trial.both(None, g)
    outputs, grads = small.both(None, tuple(t.float() if t.is_floating_point() else t for t in g))
    for y, reference in zip(outputs, wanted, strict=True):
        assert y.dtype == (torch.float32 if reference.is_floating_point() else reference.dtype)
        assert_close(y, reference, 2e-4, "forward")
    for gx, reference in zip(grads, wanted_grads, strict=True):
        if reference is not None:
            assert gx is not None
            assert gx.dtype == torch.float32
            assert_close(gx, reference, 2e-3, "gradient")


@each_trial
def test_strided_inputs_and_gradients_give_the_same(trial: Trial) -> None:
    outputs = trial.forward()
    ones = tuple(torch.ones((), dtype=y.dtype).expand(y.shape) for y in outputs)
    strided = [_strided(t) for t in trial.inputs]
    found, found_grads = trial.both(strided, ones)
    wanted, wanted_grads = trial.both(None, tuple(t.contiguous() for t in ones))
    for y, reference in zip(found, wanted, strict=True):
        assert_close(y, reference, 1e-9, "forward")
    for gx, reference in zip(found_grads, wanted_grads, strict=True):
        if reference is not None:
            assert_close(gx, reference, 1e-9, "gradient")


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


@each_trial
def test_nothing_is_written_into_what_came_in(trial: Trial) -> None:
    inputs = [t.clone() for t in trial.inputs]
    g = trial.output_gradients(trial.forward())
    kept = tuple(t.clone() for t in g)
    outputs, _ = trial.both(inputs, g)
    again = trial.forward()
    assert all(map(torch.equal, inputs, trial.inputs))
    assert all(map(torch.equal, g, kept))
    assert all(map(torch.equal, outputs, again))


@each_trial
def test_a_gradient_that_is_not_asked_for_may_be_left_out(trial: Trial) -> None:
    """Only the first input's gradient is asked for: the others may be anything, it stays right."""
    if not trial.op.differentiable or not trial.needs[0] or len(trial.inputs) < 2:
        return
    outputs = trial.forward()
    g = trial.output_gradients(outputs)
    _, everything = trial.both(None, g)
    context = trial.context()
    context.needs = (True, *[False] * (len(trial.inputs) - 1))
    with torch.inference_mode():
        y = trial.op.run_forward(context, trial.inputs, trial.attributes)
        gx = trial.op.run_vjp(
            context, g if len(outputs) > 1 else g[0], y, trial.inputs, trial.attributes
        )
    assert len(gx) == len(trial.inputs)
    if everything[0] is not None:
        found = gc.execute.unbroadcast(gx[0], trial.inputs[0].shape)
        assert_close(found, everything[0], 1e-12, "gradient")


# -- shapes ---------------------------------------------------------------------------------------


def inferred(trial: Trial, shapes: tuple[gc.dims.Shape, ...]) -> tuple[gc.dims.Shape, ...]:
    found = trial.op.infer_shape(*shapes, **trial.attributes)
    several = isinstance(found, tuple) and found and isinstance(found[0], tuple)
    return found if several else (found,)


@each_trial
def test_inferred_shape_is_the_real_one(trial: Trial) -> None:
    real = tuple(tuple(y.shape) for y in trial.forward())
    assert inferred(trial, trial.case.shapes) == real


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


@each_trial
@pytest.mark.parametrize("batch", [1, 0])
def test_a_batch_of_one_and_of_none(trial: Trial, batch: int) -> None:
    shapes = trial.case.shapes
    if not shapes or not shapes[0]:
        return
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
        gc.initializers.check(text)
    for case in op.cases():
        attributes = op.complete(case.attributes)
        assert set(op.parameter_shapes(*case.shapes, **attributes)) <= set(op.initializers)
