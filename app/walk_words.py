"""What the stepper says of a step: formulas with the numbers in them, and sentences."""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication

from app.plots.tiles import format_number
from app.walk import Event, Walk
from graphcore.elements import Node
from graphcore.graph import Graph
from graphcore.worker.walk_messages import CheckFrame, Update, WalkFrame

_LETTERS = re.compile(r"(?<![A-Za-z\\])([A-Za-z])(?![A-Za-z_{])")


def tr(text: str) -> str:
    """Translated."""
    return QCoreApplication.translate("Walk", text)


def title(walk: Walk) -> str:
    """Which step it is: "Forward 3 of 5: v (Mul)"."""
    event = walk.current
    if event is None:
        return tr("Step through the net: forward node by node, then backward.")
    if event.phase == "update":
        return tr("Update")
    of_phase = [e for e in walk.events if e.phase == event.phase]
    place = of_phase.index(event) + 1
    phase = tr("Forward") if event.phase == "forward" else tr("Backward")
    return tr("{0} {1} of {2}:  {3}").format(phase, place, len(of_phase), event.node)


def formulas(graph: Graph, frame: WalkFrame, event: Event) -> tuple[str, ...]:
    """The node's rule or its derivative, and the same with the numbers of this sample."""
    if event.node not in graph:
        return ()
    node = graph.node(event.node)
    op = node.op
    if event.phase == "forward":
        return _with_numbers(op.formula, values_at(graph, frame, node))
    lines: list[str] = []
    for part in _parts(op.derivative):
        lines += _with_numbers(part, values_at(graph, frame, node))
    return tuple(lines)


def _parts(derivative: str) -> list[str]:
    """The derivatives by each input, a line each."""
    return [p.strip() for p in re.split(r",\s*(?:\\ |\\quad)\s*(?=\\partial)", derivative)]


def _with_numbers(formula: str, numbers: dict[str, float]) -> tuple[str, ...]:
    """A formula, and below it the same with numbers where single letters stood."""
    left, equals, right = formula.partition("=")
    letters = set(_LETTERS.findall(right))
    if not equals or "_" in right or not letters or not letters <= numbers.keys():
        return (formula,) if formula else ()

    def number(match: re.Match[str]) -> str:
        text = _latex_number(numbers[match[1]])
        return f"({text})" if text.startswith("-") else text

    shown = _LETTERS.sub(number, right).strip()
    known = left.strip()
    if known in numbers:
        return (formula, f"{known} = {shown} = {_latex_number(numbers[known])}")
    return (formula, f"{left.strip()} = {shown}")


def _latex_number(x: float) -> str:
    return format_number(x, 5).replace("−", "-").replace("∞", r"\infty")


def values_at(graph: Graph, frame: WalkFrame, node: Node) -> dict[str, float]:
    """Numbers at a node's inputs and output, by the letters of its formula."""
    found = {
        edge.input: frame.numbers[edge.source]
        for edge in graph.edges_into(node)
        if edge.source in frame.numbers
    }
    if node.name in frame.numbers:
        found["y"] = frame.numbers[node.name]
    return found


def sentences(graph: Graph, walk: Walk) -> list[str]:
    """What happens at this step, in words and numbers."""
    event, frame = walk.current, walk.frame
    if event is None or frame is None:
        return []
    if event.phase == "update":
        return [tr("{0} changes every weight:").format(frame.rule)] + [
            _update(u) for u in frame.updates
        ]
    if event.node not in graph:
        return []
    node = graph.node(event.node)
    if event.phase == "forward":
        return [node.op.summary(), _computed(graph, frame, node)]
    return _gone_back(walk, frame, node)


def _computed(graph: Graph, frame: WalkFrame, node: Node) -> str:
    parts = []
    for edge in graph.edges_into(node):
        number = frame.numbers.get(edge.source)
        parts.append(f"{edge.input} = {_number_or_shape(frame, edge.source, number)}")
    number = frame.numbers.get(node.name)
    parts.append(f"{node.name} = {_number_or_shape(frame, node.name, number)}")
    return "   ".join(parts)


def _number_or_shape(frame: WalkFrame, name: str, number: float | None) -> str:
    if number is not None:
        return format_number(number, 6)
    picture = frame.values.get(name)
    if picture is None:
        return "…"
    low, high = format_number(picture.low, 3), format_number(picture.high, 3)
    return f"{picture.shape}, {low} … {high}"


def _gone_back(walk: Walk, frame: WalkFrame, node: Node) -> list[str]:
    """What arrived, its sum, and what is handed on."""
    end, lines = frame.end, []
    arrived = walk.arrived(node.name)
    if not arrived:
        lines.append(tr("The gradient starts here: ∂{0}/∂{0} = 1.").format(end))
    elif len(arrived) > 1 and all(t.downstream is not None for t in arrived):
        parts = " + ".join(format_number(t.downstream or 0.0, 6) for t in arrived)
        total = format_number(frame.slopes.get(node.name, 0.0), 6)
        lines.append(
            tr("It feeds {0} nodes: what comes back is added, {1} = {2}.").format(
                len(arrived), parts, total
            )
        )
    elif len(arrived) > 1:
        lines.append(
            tr("It feeds {0} nodes: the gradients that come back are added.").format(len(arrived))
        )
    handed_on = walk.handed_on(node.name)
    if not handed_on:
        lines.append(
            tr("The gradient ends here: it says how {0} changes with {1}.").format(end, node.name)
        )
    for term in handed_on:
        if term.upstream is not None and term.local is not None and term.downstream is not None:
            numbers = [format_number(x, 6) for x in (term.upstream, term.local, term.downstream)]
            lines.append(
                tr("to {0}:  upstream {1} × local {2} = {3}").format(term.source, *numbers)
            )
        else:
            size = format_number(term.size, 3)
            lines.append(tr("to {0}:  a gradient of size {1} (r.m.s.)").format(term.source, size))
    return lines


def _update(u: Update) -> str:
    moments = ", ".join(f"{k} {format_number(v, 3)}" for k, v in u.moments.items())
    after = f"  ({moments})" if moments else ""
    if u.before is not None and u.gradient is not None and u.after is not None:
        before, g, then = (format_number(x, 6) for x in (u.before, u.gradient, u.after))
        return tr("{0}:  {1} → {2}, gradient {3}").format(u.name, before, then, g) + after
    g, change = format_number(u.gradient_size, 3), format_number(u.change_size, 3)
    return tr("{0}:  gradient {1}, change {2} (r.m.s.)").format(u.name, g, change) + after


REASONS = {
    "rounding": "rounding, about 2e−16 · L / h",
    "curve": "the curve within the step, about h² / 6 · |L‴|",
    "kink": "it does not fall with h²: a kink within the step, or a wrong gradient",
}


def comparison(frame: CheckFrame) -> list[str]:
    """What the comparison with finite differences found, the worst first."""
    worst = max((c.error for c in frame.checked.values()), default=0.0)
    lines = [
        tr(
            "(L(w + h) − L(w − h)) / 2h, h = {0:.0e}, on this sample with these weights, in "
            "double precision. Largest difference: {1} of the tensor's largest gradient."
        ).format(frame.step, format_number(worst, 2))
    ]
    for name, c in sorted(frame.checked.items(), key=lambda item: -item[1].error):
        own, found = format_number(c.own, 8), format_number(c.difference, 8)
        lines.append(
            tr("{0}[{1}]:  backward {2}, difference {3}, off by {4} ({5})").format(
                name, c.place, own, found, format_number(c.error, 2), tr(REASONS[c.reason])
            )
        )
    return lines
