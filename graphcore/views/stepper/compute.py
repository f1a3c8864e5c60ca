"""Both passes of one sample for the window, and the check of all gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from graphcore.datasets.learned import learned
from graphcore.engine import pictures as recording
from graphcore.engine.compiler import compile
from graphcore.engine.gradient_check import compare
from graphcore.engine.plan import Plan
from graphcore.engine.reading import calculate, go_through
from graphcore.errors import EngineError, GradscapeError
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.records.arrays import Array, pack
from graphcore.session.holds import FREE
from graphcore.session.session import Session
from graphcore.training.answers import EXAMPLES
from graphcore.training.class_shares import class_indices, class_names, class_shares
from graphcore.training.sample import Sample, fed_together, split_of, truth_unknown
from graphcore.training.trainer import Trainer
from graphcore.views.stepper import (
    Checked,
    CheckFrame,
    CheckRequest,
    ElementFrame,
    ElementRequest,
    NumbersFrame,
    NumbersRequest,
    WalkFrame,
    WalkRequest,
)
from graphcore.views.stepper.sums import element, weight_gradient
from graphcore.views.stepper.trace import (
    activation_curves,
    after_update,
    aliases,
    gradient,
    jacobians,
    one_number,
    orders,
    quantities,
    terms,
    updates,
    value,
)
from graphcore.views.view import view

MOST_LIKELY = 5
"""Classes that are named beside the answer to a sample."""


@view(
    WalkRequest, while_training="never", without_run=True,
    also=lambda session: session.holds.request,
)  # fmt: skip
def walk(session: Session, request: WalkRequest) -> WalkFrame | None:
    """Both passes of a sample, or of a graph that has nothing to learn."""
    if session.trainer is None:
        return _of_numbers(session, *session.calculation) if session.calculation else None
    try:
        return _of_sample(session, session.trainer, request)
    except GradscapeError as error:  # numbers typed for another input, too few samples
        return WalkFrame(problem=str(error))


def _of_numbers(session: Session, plan: Plan, graph: Graph, end: str | None) -> WalkFrame:
    """A graph that is fed by its inputs' own values; both passes were run when it came."""
    held = session.held_plan(plan)
    if held is None:
        return WalkFrame(**_seen(plan, graph, end), problem=session.holds.problem)
    calculate(*held)
    return WalkFrame(**_plain(_seen(*held, end)), held=len(session.holds.request.holds))


def _of_sample(session: Session, trainer: Trainer, request: WalkRequest) -> WalkFrame:
    """One sample through a net that learns, in evaluation mode."""
    plan, b, sample = trainer.looking_plan(), trainer.binding, request.sample
    x, t, i = fed_together(trainer, sample, request.batch)
    feeds, graph, free = b.feeds(x, t), trainer.graph, ""
    held = session.held_plan(plan)
    if held is not None:
        plan.forward(feeds)
        free = _classes(trainer, plan, t)[1] if b.target else ""
        plan, graph = held
    end, unknown = _end(trainer, sample), truth_unknown(trainer, sample)
    go_through(plan, feeds, end, request.training)
    seen = _plain(_seen(plan, graph, end))
    label, answer, likeliest = _classes(trainer, plan, t) if b.target else ("", "", ())
    return WalkFrame(
        **(_without_target(seen, trainer) if unknown else seen),
        updates=updates(trainer, plan) if held is None and end else (),
        unchanged=tuple(
            p.name for p in trainer.plan.layout if not any(g.trains(p) for g in trainer.groups)
        ),
        held=len(session.holds.request.holds) if held else 0, free_answer=free,
        problem=session.holds.problem,
        rule=trainer.settings.optimizer if end else "", lr=trainer.current_lr(),
        label=label, answer=answer, likeliest=likeliest, sample=i, step=trainer.step,
        samples=len(split_of(trainer, sample.split)) if b.input else 0,
        given=_numbers_of(trainer, x[:1]) if b.input else None, together=len(x), unknown=unknown,
    )  # fmt: skip


def _end(trainer: Trainer, sample: Sample) -> str | None:
    """Where the backward pass begins; None without a loss, or one that is known."""
    return None if truth_unknown(trainer, sample) else trainer.binding.loss or None


def _without_target(seen: dict[str, Any], trainer: Trainer) -> dict[str, Any]:
    """Leave out the target and what is computed from it."""
    out = {trainer.binding.target}
    for n in trainer.plan.flat_graph.nodes:  # in the order in which they are computed
        if any(source in out for source, _ in n.inputs.values()):
            out.add(n.name)
    kept = {k: {n: x for n, x in v.items() if n not in out} if isinstance(v, dict) else v
            for k, v in seen.items()}  # fmt: skip
    return {**kept, "forward": tuple(n for n in seen["forward"] if n not in out)}


@view(NumbersRequest)
def numbers(session: Session, request: NumbersRequest) -> NumbersFrame:
    """All numbers of a node or a parameter at the sample that is shown."""
    trainer, name = session.trainer, request.name
    try:
        plan, graph, end = _again(session, request.sample)
    except GradscapeError as error:
        return NumbersFrame(name=name, problem=str(error))
    tensors = _tensors(plan, graph, name, end is not None)
    free = trainer is not None and trainer.trains and not session.holds.request.holds
    if trainer is not None and free and name in plan.parameters:
        tensors.update(after_update(trainer, plan, name))
    problem = "" if tensors else f"{name} has no value here."
    packed = {k: pack(np.asarray(v.to("cpu", torch.float32))) for k, v in tensors.items()}
    return NumbersFrame(name=name, tensors=packed, problem=problem)


@view(ElementRequest)
def one_element(session: Session, request: ElementRequest) -> ElementFrame:
    """One number of a node's output, written out as a sum."""
    try:
        plan, graph, _ = _again(session)
    except GradscapeError:
        return ElementFrame(node=request.node)
    write = weight_gradient if request.backward else element
    found = write(plan, graph, request.node, request.index)
    return found or ElementFrame(node=request.node)


def _again(session: Session, sample: Sample | None = None) -> tuple[Plan, Graph, str | None]:
    """Both passes of what is shown, run once more: plan, graph and where the gradient began."""
    end: str | None
    request = session.looked_at(WalkRequest)
    if sample is not None:
        request = msgspec.structs.replace(request, sample=sample)
    if session.trainer is not None:
        trainer, b = session.trainer, session.trainer.binding
        x, t, _ = fed_together(trainer, request.sample, request.batch)
        plan, graph, feeds = trainer.looking_plan(), trainer.graph, b.feeds(x, t)
        end = _end(trainer, request.sample)
    elif session.calculation is not None:
        plan, graph, end = session.calculation
        feeds = {}
    else:
        raise EngineError("There is no net to look at.")
    plan, graph = session.held_plan(plan) or (plan, graph)
    go_through(plan, feeds, end, request.training)
    return plan, graph, end


@view(CheckRequest)
def check(session: Session, request: CheckRequest) -> CheckFrame:
    """Compare with finite differences, on what is shown, in float64."""
    try:
        plan, feeds, loss = _in_double(session)
        found = compare(plan, feeds, loss, request.step, request.part)
    except GradscapeError as error:
        return CheckFrame({}, part=request.part, problem=str(error))
    checked = {
        n: Checked(c.error, c.place, c.own, c.difference, c.reason, c.kinks)
        for n, c in found.items()
    }
    return CheckFrame(checked, request.step, request.part)


def _in_double(session: Session) -> tuple[Plan, dict[str, Any], str]:
    """What is shown as a float64 plan of its own, its feeds, and the node that is explained."""
    request = session.looked_at(WalkRequest)
    if session.trainer is not None:
        trainer, b = session.trainer, session.trainer.binding
        if not b.loss:
            raise EngineError("A gradient needs a loss to start from: this graph has none.")
        if truth_unknown(trainer, request.sample):
            raise EngineError(
                "No true value of this row is known: there is no loss to differentiate."
            )
        plan = compile(trainer.graph, dtype="float64", transposed=trainer.plan.transposed)
        plan.copy_state(trainer.plan)
        x, t, _ = fed_together(trainer, request.sample, request.batch)
        doubles = (a.cpu().double() if a.is_floating_point() else a.cpu() for a in (x, t))
        return plan, b.feeds(*doubles), b.loss
    if session.calculation is None:
        raise EngineError("There is no net to check: load a graph first.")
    given, graph, end = session.calculation
    if end is None:
        raise EngineError("A gradient needs one result to start from: this graph has several.")
    plan = compile(graph, dtype="float64")
    plan.copy_state(given)
    own = plan.feeds.taken({})
    return plan, {name: own[slot] for name, (slot, _node) in plan.feeds.sources.items()}, end


def _tensors(plan: Plan, graph: Graph, name: str, backward: bool) -> dict[str, torch.Tensor]:
    """Value and gradient by name; a parameter of a held node is found under its own name too."""
    node, _, which = name.rpartition(".")
    found = {}
    for key in (name, f"{node}{FREE}.{which}" if node else name):
        for kind, read in (("value", value), ("gradient", gradient)):
            tensor = read(plan, key) if kind == "value" or backward else None
            if kind == "value" and key in plan.parameters:
                tensor = plan.parameters[key]
            if tensor is not None and kind not in found:
                found[kind] = recording.one_sample(graph, key, tensor)
    return found


def _numbers_of(trainer: Trainer, x: torch.Tensor) -> Array:
    """What is fed, as it was before normalisation."""
    shape = tuple(x.shape[1:])
    numbers = x.to("cpu", torch.float32).numpy().reshape(1, *trainer.data.input_shape)
    own = np.asarray(trainer.data.normalization.invert(numbers), np.float32)
    return pack(own.reshape(shape))


def _seen(plan: Plan, graph: Graph, end: str | None) -> dict[str, Any]:
    forward, backward = orders(plan, end)
    stands_for = aliases(plan)
    names = [*forward, *stands_for]
    return {
        "forward": forward, "backward": backward, "end": end or "", "aliases": stands_for,
        "numbers": _numbers(names, lambda name: value(plan, name)),
        "slopes": _numbers(names, lambda name: gradient(plan, name)) if end else {},
        "values": recording.value_pictures(plan, graph, names, first=None),
        "gradients": recording.gradient_pictures(plan, graph, names, first=None) if end else {},
        "terms": terms(plan, graph) if end else (), "curves": activation_curves(plan),
        "quantities": quantities(plan), "jacobians": jacobians(plan, graph) if end else {},
    }  # fmt: skip


def _numbers(
    names: Sequence[str], tensor: Callable[[str], torch.Tensor | None]
) -> dict[str, float]:
    """The nodes that hold one number, in full."""
    found = ((name, one_number(tensor(name))) for name in names)
    return {name: x for name, x in found if x is not None and math.isfinite(x)}


def _plain(seen: dict[str, Any]) -> dict[str, Any]:
    """What was seen of a held net under the names that the free one has."""
    terms_ = [
        msgspec.structs.replace(t, source=_opened(t.source), target=_opened(t.target))
        for t in seen["terms"]
    ]
    free = {t.source for t in terms_ if FREE in t.source}
    kept = []
    for term in terms_:
        if term.source in free and term.source.startswith("hold"):
            feeding = next((t.source for t in terms_ if t.target == term.source), "")
            kept.append(msgspec.structs.replace(term, source=feeding))
        elif term.source not in free and not term.target.startswith("hold"):
            kept.append(msgspec.structs.replace(term, target=term.target.partition(FREE)[0]))
    orders_ = {
        k: tuple(n for n in map(_opened, seen[k]) if FREE not in n) for k in ("forward", "backward")
    }
    by_name = {
        k: {n.replace(FREE, ""): x for n, x in v.items() if FREE not in _opened(n) or "." in n}
        for k, v in seen.items()
        if isinstance(v, dict)
    }
    by_name["aliases"] = {k: _opened(n) for k, n in by_name["aliases"].items()}
    return {**seen, **by_name, **orders_, "terms": tuple(kept)}


def _opened(name: str) -> str:
    """What is inside a composite that is held keeps the name it has there."""
    return name.replace(f"{FREE}/", "/")


def _classes(
    trainer: Trainer, plan: Plan, target: Any
) -> tuple[str, str, tuple[tuple[str, float], ...]]:
    """The sample's class, the one that the net takes it for, and its likeliest ones."""
    names, b = trainer.data.classes, trainer.binding
    examples = EXAMPLES[learned(trainer.data).coding]
    scores = plan.value(b.output)
    one, several = scores.numel() == len(target), scores.dim() == 2 and scores.shape[1] > 1
    if examples is None or not len(target) or not (one or (several and names)):
        return "", "", ()
    found = class_shares(scores, b.loss_kind, torch.tensor(examples))
    if found is None:
        return "", "", ()
    shares = np.asarray(found[0].cpu())
    best, label = int(shares.argmax()), int(class_indices(target)[0])
    names = class_names(names or ("0",), max(len(shares), label + 1))
    likeliest = tuple((names[i], float(shares[i])) for i in (-shares).argsort()[:MOST_LIKELY])
    return names[label], f"{names[best]} ({shares[best]:.1%})", likeliest
