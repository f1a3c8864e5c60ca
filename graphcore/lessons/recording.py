"""What was done since a mark: as the actions of a solution, and as checks to choose from.

An author marks the state, does the task in the window as a student would, and is offered what
holds now and did not hold then.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphcore.errors import GradscapeError
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.lessons.functions import ACTIONS, known_fact
from graphcore.lessons.language import Call, parse
from graphcore.lessons.state import State

if TYPE_CHECKING:
    from torch import Tensor

MOST_NUMBERS, MOST_VALUES = 12, 4
"""Edited numbers that a solution writes out; values of a formula that are proposed."""
PLAIN = (str, int, float, bool)
MARGIN = 0.02
"""By how much a proposed accuracy is below what was reached."""


@dataclass(frozen=True)
class Proposal:
    """A check that holds now and did not hold at the mark.

    Attributes:
        check: in the language of checks.
        otherwise: what is said while it does not hold.
        likely: whether it is what the task is about, so far as can be told.
    """

    check: str
    otherwise: str
    likely: bool = True


@dataclass(frozen=True)
class Recording:
    """What was done since a mark.

    Attributes:
        solution: actions, as they are written in a lesson.
        whole: whether the actions lead to the graph that is there; otherwise the graph has to be
            written beside the lesson and opened.
    """

    proposals: tuple[Proposal, ...]
    solution: tuple[str, ...]
    whole: bool = True


@dataclass
class Mark:
    """What there was when recording began."""

    graph: Graph
    step: int = 0
    run: int = 0
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    altered: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    plane: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


def mark(state: State) -> Mark:
    """Note the present state."""
    session = state.session
    run = session.runs.current
    plan = _plan(state)
    weights = {} if plan is None else {n: w.detach().clone() for n, w in plan.parameters.items()}
    figures = {
        name: found for name in ("accuracy", "loss") if (found := _figure(state, name)) is not None
    }
    return Mark(
        state.graph.copy(), session.trainer.step if session.trainer else 0,
        run.number if run is not None else 0, weights, frozenset(session.altered), state.shown,
        state.plane, {**_values(state), **figures},
    )  # fmt: skip


def recording(state: State, since: Mark) -> Recording:
    """Return what was done since a mark."""
    edits = edits_between(since.graph, state.graph)
    reached = applied(since.graph, edits)
    whole = reached is not None and alike(reached, state.graph)
    solution = [
        *map(str, edits if whole else ()),
        *_training(state, since),
        *_numbers(state, since),
    ]
    solution += [f'show("{name}")' for name in sorted(state.shown - since.shown)]
    if state.plane and state.plane != since.plane:
        solution.append(f'plane("{state.plane}")')
    found = [p for p in _proposals(state, since) if _holds(state, p.check)]
    return Recording(tuple(found), tuple(solution), whole)


def _holds(state: State, check: str) -> bool:
    try:
        return bool(state.value(parse(check, known_fact)))
    except GradscapeError:
        return False


# -- actions --------------------------------------------------------------------------------------


class _Editor:
    """Carries out edits of a graph alone."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def edit(self, change: Callable[[Graph], None]) -> None:
        change(self.graph)


def applied(graph: Graph, calls: tuple[Call, ...]) -> Graph | None:
    """Return the graph that edits make of another one; None if one of them cannot be done."""
    editor = _Editor(graph.copy())
    try:
        for call in calls:
            ACTIONS.call(editor, call)
    except GradscapeError:
        return None
    return editor.graph


def alike(one: Graph, other: Graph) -> bool:
    """Whether two graphs compute the same and are trained alike, wherever their nodes stand."""
    return _said(one) == _said(other)


def _said(graph: Graph) -> tuple[Any, ...]:
    nodes = {
        n.name: (n.operator, n.attributes, n.initializers, n.frozen, n.bypassed,
                 _said(n.subgraph) if n.subgraph is not None else None)
        for n in graph
    }  # fmt: skip
    return nodes, set(graph.edges), graph.training


def edits_between(before: Graph, after: Graph) -> tuple[Call, ...]:
    """Actions that make one graph of another, so far as actions can."""
    return (*_settings(before.training, after.training), *_nodes(before, after),
            *_edges(before, after))  # fmt: skip


def _settings(before: TrainingSettings, after: TrainingSettings) -> Iterator[Call]:
    tables = {"dataset_options": "option", "optimizer_options": "optimizer_option",
              "augmentation": "augment"}  # fmt: skip
    for name in after.__struct_fields__:
        now = getattr(after, name)
        if (
            name not in tables
            and now != getattr(before, name)
            and isinstance(now, str | int | float)
        ):
            yield Call("set", (name, _number(now)))
    for name, action in tables.items():
        then = getattr(before, name)
        if name == "dataset_options" and before.dataset != after.dataset:
            then = {}
        for key, value in getattr(after, name).items():
            if then.get(key) != value and isinstance(value, PLAIN):
                yield Call(action, (key, _number(value)))


def _nodes(before: Graph, after: Graph) -> Iterator[Call]:
    names = {n.name for n in after}
    for node in before:
        if node.name not in names:
            yield Call("remove", (node.name,))
    for name in after.topological_order():
        if name in before:
            yield from _changed(before.node(name), after.node(name))
        else:
            yield from _added(after, after.node(name))


def _changed(old: Node, new: Node) -> Iterator[Call]:
    name = new.name
    if old.operator != new.operator:
        yield Call("swap", (name, new.operator), _own(new))
        return
    for key, value in new.attributes.items():
        if old.attributes.get(key) != value and _is_input(new, key):
            yield Call("input", (name, _number(value)))
        elif old.attributes.get(key) != value:
            yield Call("attribute", (name, key, _number(value)))
    for port, text in new.initializers.items():
        if old.initializers.get(port) != text:
            yield Call("initializer", (f"{name}.{port}", text))
    for port in sorted(new.frozen ^ old.frozen):
        yield Call("freeze", (f"{name}.{port}", port in new.frozen))


def _is_input(node: Node, key: str) -> bool:
    return key == "value" and node.operator in ("Parameter", "Constant")


def _added(graph: Graph, node: Node) -> Iterator[Call]:
    """A node behind another; what else it is joined to is told by the edges."""
    arriving = graph.edges_into(node)
    if arriving and node.subgraph is None:
        yield Call("add", (node.operator,), (("after", arriving[0].source), ("name", node.name),
                                             *_own(node)))  # fmt: skip


def _own(node: Node) -> tuple[tuple[str, Any], ...]:
    """Attributes that are not the operator's own."""
    defaults = {a.name: a.default for a in node.op.attrs}
    return tuple((k, _number(v)) for k, v in node.attributes.items()
                 if k not in defaults or defaults[k] != v)  # fmt: skip


def _edges(before: Graph, after: Graph) -> Iterator[Call]:
    """Edges that nodes alone do not bring along."""
    if {n.name for n in before} != {n.name for n in after}:
        return
    for edge in after.edges:
        if edge not in before.edges and edge.output == after.node(edge.source).outputs[0]:
            yield Call("connect", (edge.source, edge.target, edge.input))


def _training(state: State, since: Mark) -> Iterator[str]:
    """Training, run by run; the settings of the last run are those of the graph."""
    trainer = state.session.trainer
    if trainer is None:
        return
    if _begun_anew(state, since) and since.step:
        yield "reset()"
    steps = _steps_made(state, since)
    if steps > 0:
        epochs, rest = divmod(steps, trainer.steps_per_epoch)
        said = [f"epochs={epochs}"] * bool(epochs) + [f"steps={rest}"] * bool(rest)
        yield f"train({', '.join(said)})"


def _begun_anew(state: State, since: Mark) -> bool:
    """Whether training began from its start again; a net that was changed goes on where it was."""
    now = state.session.runs.current
    return now is not None and now.number != since.run and now.begun_at == 0


def _steps_made(state: State, since: Mark) -> int:
    """Return the steps of training since a mark."""
    step = 0 if state.session.trainer is None else state.session.trainer.step
    return step - (0 if _begun_anew(state, since) or step < since.step else since.step)


def _numbers(state: State, since: Mark) -> Iterator[str]:
    """Numbers that were written by hand; what training moved since is none."""
    plan = _plan(state)
    if plan is None or (state.session.trainer and state.session.trainer.step != since.step):
        return
    left = MOST_NUMBERS
    for name in sorted(state.session.altered):
        now, then = plan.parameters.get(name), since.weights.get(name)
        if now is None or then is None or now.shape != then.shape:
            continue
        flat, old = now.detach().reshape(-1), then.reshape(-1)
        for place in (flat != old).nonzero().reshape(-1).tolist()[:left]:
            left -= 1
            yield f'weight("{name}", {place}, {_short(float(flat[place]))})'


# -- checks ---------------------------------------------------------------------------------------


def _proposals(state: State, since: Mark) -> Iterator[Proposal]:
    yield from _of_weights(state, since)
    yield from _of_values(state, since)
    yield from _of_graph(since.graph, state.graph)
    yield from _of_settings(since.graph.training, state.graph.training)
    yield from _of_training(state, since)
    for name in sorted(state.shown - since.shown):
        yield Proposal(f'panel("{name}")', f"the panel {name} is not shown yet", likely=False)
    if state.plane and state.plane != since.plane:
        yield Proposal(f'plane() == "{state.plane}"', "the plane is {plane()}")


def _of_weights(state: State, since: Mark) -> Iterator[Proposal]:
    for name in sorted(state.session.altered - since.altered):
        yield Proposal(f'edited("{name}")', f"no number of {name} has been changed yet")


def _of_values(state: State, since: Mark) -> Iterator[Proposal]:
    """Numbers of a formula that moved, those at its end first."""
    now = _values(state)
    moved = [n for n in now if n in since.values and now[n] != since.values[n]]
    moved.sort(key=lambda n: len(state.graph.edges_from(n)))
    for i, name in enumerate(moved[:MOST_VALUES]):
        bar = between(since.values[name], now[name])
        sign = ">" if now[name] > since.values[name] else "<"
        yield Proposal(f'value("{name}") {sign} {bar}', f'{name} is {{value("{name}"):.3f}}',
                       likely=i == 0)  # fmt: skip


def _of_graph(before: Graph, after: Graph) -> Iterator[Proposal]:
    counts, old = (Counter(n.operator for n in g) for g in (after, before))
    new = [n for n in after if n.name not in before and n.subgraph is None]
    for operator in dict.fromkeys(n.operator for n in new):
        behind = [e.source for n in new if n.operator == operator for e in after.edges_into(n)]
        place = next((f', after="{name}"' for name in behind if name in before), "")
        least = 1 if place else counts[operator]
        if not place or not _count(before, operator, behind):
            yield Proposal(
                f'has("{operator}"{place}) >= {least}', f"there is no new {operator} yet"
            )
    for operator in sorted(o for o in old if counts[o] < old[o]):
        yield Proposal(f'has("{operator}") == {counts[operator]}',
                       f'there are {{has("{operator}"):.0f}} nodes {operator}')  # fmt: skip
    for name in (n.name for n in after if n.name in before):
        yield from _of_node(before.node(name), after.node(name))
    if not new and {n.name for n in before} == {n.name for n in after}:
        for edge in after.edges:
            if edge not in before.edges:
                yield Proposal(f'connected("{edge.source}", "{edge.target}")',
                               f"{edge.source} does not lead to {edge.target} yet")  # fmt: skip


def _count(graph: Graph, operator: str, behind: list[str]) -> int:
    starts = [name for name in behind if name in graph]
    return sum(graph.node(n).operator == operator for n in graph.descendants(starts[:1]))


def _of_node(old: Node, new: Node) -> Iterator[Proposal]:
    name = new.name
    if old.operator != new.operator:
        asked = f'operator("{name}")'
        yield Proposal(f'{asked} == "{new.operator}"', f"{name} is {{{asked}}}")
        return
    for key, value in new.attributes.items():
        if old.attributes.get(key) != value:
            asked = f'attribute("{name}", "{key}")'
            yield Proposal(f"{asked} == {_written(value)}", f"{key} of {name} is {{{asked}}}")
    for port, text in new.initializers.items():
        if old.initializers.get(port) != text:
            asked = f'initializer("{name}.{port}")'
            yield Proposal(f'{asked} == "{text}"', f"{name}.{port} starts with {{{asked}}}")
    for port in sorted(new.frozen - old.frozen):
        yield Proposal(f'frozen("{name}.{port}")', f"{name}.{port} is not frozen yet")


def _of_settings(before: TrainingSettings, after: TrainingSettings) -> Iterator[Proposal]:
    for call in _settings(before, after):
        name, value = call.arguments[:2]
        asks = {"set": "setting", "option": "option", "augment": "augmentation"}
        if call.name in asks:
            asked = f'{asks[call.name]}("{name}")'
            yield Proposal(f"{asked} == {_written(value)}", f"{name} is {{{asked}}}")


def _of_training(state: State, since: Mark) -> Iterator[Proposal]:
    trainer = state.session.trainer
    if trainer is None or _steps_made(state, since) <= 0:
        return
    if trainer.epoch >= 1:
        yield Proposal(f"epoch() >= {trainer.epoch}", "{epoch():.0f} epochs so far")
    else:
        yield Proposal(f"step() >= {trainer.step}", "{step():.0f} steps so far")
    accuracy, loss = _figure(state, "accuracy"), _figure(state, "loss")
    if accuracy is not None:
        bar = math.floor(100 * (accuracy - MARGIN)) / 100
        if bar > since.values.get("accuracy", 0.0):
            yield Proposal(f'accuracy("test") >= {bar:g}',
                           'accuracy on the test data is {accuracy("test"):.3f}')  # fmt: skip
    if loss is not None and "loss" in since.values and loss < since.values["loss"]:
        bar_text = between(since.values["loss"], loss)
        yield Proposal(f'loss("test") < {bar_text}', 'the test loss is {loss("test"):.4f}',
                       likely=accuracy is None)  # fmt: skip


def between(one: float, other: float) -> str:
    """A round number that lies between two others, about in the middle."""
    middle = (one + other) / 2
    for digits in range(1, 17):
        text = f"{middle:.{digits}g}"
        if min(one, other) < float(text) < max(one, other):
            return text
    return repr(middle)


def _values(state: State) -> dict[str, float]:
    """Every single number of a formula by its node; a net on data has none."""
    if state.session.calculation is None:
        return {}
    plan = state.session.calculation[0]
    found = {}
    for step in plan.steps:
        tensor = plan.values[step.outputs[0]] if step.outputs else None
        if step.name in state.graph and tensor is not None and tensor.numel() == 1:
            found[step.name] = float(tensor)
    return found


def _figure(state: State, name: str) -> float | None:
    """Accuracy or loss on the test split; None where the net has none."""
    trainer = state.session.trainer
    if trainer is None or not trainer.trains or state.session.calculation is not None:
        return None
    try:
        score = trainer.evaluate(trainer.data.test)
    except GradscapeError:
        return None
    return score.accuracy if name == "accuracy" else score.loss


def _plan(state: State) -> Any:
    try:
        return state.plan
    except GradscapeError:
        return None


def _number(value: Any) -> Any:
    """A number as the language of checks has it."""
    if isinstance(value, tuple | list):
        return tuple(_number(v) for v in value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _short(value: float) -> str:
    return f"{value:.6g}"


def _written(value: Any) -> str:
    """A value as a check compares with it."""
    if isinstance(value, bool | str):
        return repr(value).replace("'", '"')
    if isinstance(value, tuple | list):
        return '"' + ", ".join(str(v) for v in value) + '"'
    return _short(float(value))


__all__ = ["Mark", "Proposal", "Recording", "alike", "applied", "between", "edits_between", "mark",
           "recording"]  # fmt: skip
