"""What the stepper says of a step: formulas with the numbers in them, and sentences."""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication

from app.panels.stepper.position import Event, Walk
from app.widgets.numbers import at_least, format_number, told_apart
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.records.arrays import pack, unpack
from graphcore.training import optimizers
from graphcore.views.stepper import Checked, CheckFrame, Quantity, Update, WalkFrame

FEW, COLUMNS = 6, 16
"""Parameters that are shown at once; numbers of each that are shown beside each other."""
OWN_RATES = 3
"""Nodes whose own learning rates are written out in the formula."""
_NAME = re.compile(r"([A-Za-z]{1,8})(_?\d{0,3})")
"""A node's name that can stand in a formula: letters, perhaps with a number."""
_LETTERS = re.compile(r"(?<![A-Za-z\\])([A-Za-z])(?![A-Za-z_{])")


def tr(text: str) -> str:
    """Translated."""
    return QCoreApplication.translate("Walk", text)


def title(walk: Walk) -> str:
    """Which step it is: "Forward 3 of 5: v (Mul)"."""
    event = walk.shown
    if event is None:
        return tr("Step through the net: forward node by node, then backward.")
    if event.phase == "update":
        return tr("Update")
    phase = tr("Forward") if event.phase == "forward" else tr("Backward")
    words = tr("{0} {1} of {2}:  {3}").format(phase, *walk.place(), event.node)
    done, steps = walk.inside(event.node)
    return words + tr("  ({0} of {1} inside)").format(done, steps) if done < steps else words


def level_of(root: Graph, path: str) -> tuple[Graph, str] | None:
    """The graph that a node of the whole net stands in, and what names there begin with."""
    above, _, name = path.rpartition("/")
    try:
        level = root.at(above).subgraph if above else root
    except GradscapeError:
        return None
    return (level, f"{above}/" if above else "") if level is not None and name in level else None


def formulas(root: Graph, frame: WalkFrame, event: Event) -> tuple[str, ...]:
    """The node's rule or its derivative, and the same with the numbers of this sample."""
    if event.phase == "update":
        return _rule(frame)
    found = level_of(root, event.node)
    if found is None:
        return ()
    node = root.at(event.node)
    numbers = values_at(*found, frame, node)
    names = _names(found[0], node)
    if event.phase == "forward":
        return _with_numbers(node.op.formula, numbers, names)
    lines: list[str] = []
    for part in _parts(node.op.derivative):
        lines += _with_numbers(part, numbers, names)
    return tuple(lines)


def _names(graph: Graph, node: Node) -> dict[str, str]:
    """What the graph calls the letters of an elementwise rule; empty where a name is too long.

    In *J = 3(a + bc)* the rule of the addition, y = a + b, would speak of another b.
    """
    if node.op.category not in ("elementwise", "activation") or "_" in node.op.formula:
        return {}
    sources = {edge.input: edge.source for edge in graph.edges_into(node)} | {"y": node.name}
    written = {letter: _written(name) for letter, name in sources.items()}
    others = set(_LETTERS.findall(node.op.formula)) - written.keys()
    clear = "" not in written.values() and len(set(written.values())) == len(written)
    return written if clear and not others & set(written.values()) else {}


def _written(name: str) -> str:
    """A node's name as it is typeset, or "" where it is long or no word."""
    found = _NAME.fullmatch(name)
    if found is None:
        return ""
    if len(found[1]) > 1 or "_" in name:
        word = name.replace("_", r"\_")
        return rf"{{\mathrm{{{word}}}}}"
    return f"{{{found[1]}_{{{found[2]}}}}}" if found[2] else name


def _rule(frame: WalkFrame) -> tuple[str, ...]:
    """The optimiser's rule, an assignment a line."""
    if frame.rule == "SGD" and not any(u.moments for u in frame.updates):
        parts = [r"w \leftarrow w - \eta g"]
    else:
        parts = optimizers.get(frame.rule).formula.split(r"\quad")
    own = {_written(u.name.rpartition(".")[0]): u.rate for u in frame.updates if u.rate != 1}
    rates = (
        rf"\eta_{{{node}}} = {_latex_number(frame.lr)} \cdot {_latex_number(rate)}"
        rf" = {_latex_number(frame.lr * rate)}"
        for node, rate in list(own.items())[:OWN_RATES] if node
    )  # fmt: skip
    return *(p.strip().rstrip(",") for p in parts if p.strip()), *rates


def _parts(derivative: str) -> list[str]:
    """The derivatives by each input, a line each."""
    return [p.strip() for p in re.split(r",\s*(?:\\ |\\quad)\s*(?=\\partial)", derivative)]


def _with_numbers(
    formula: str, numbers: dict[str, float], names: dict[str, str]
) -> tuple[str, ...]:
    """A formula in the graph's own names, and below it the same with numbers in their place."""
    left, equals, right = formula.partition("=")
    letters = set(_LETTERS.findall(right))
    formula = _LETTERS.sub(lambda m: names.get(m[1], m[1]), formula)
    if not equals or "_" in right or not letters or not letters <= numbers.keys():
        return (formula,) if formula else ()

    def number(match: re.Match[str]) -> str:
        text = _latex_number(numbers[match[1]])
        return f"({text})" if text.startswith("-") else text

    shown = _LETTERS.sub(number, right).strip()
    known, own = left.strip(), formula.partition("=")[0].strip()
    if known in numbers:
        return (formula, f"{own} = {shown} = {_latex_number(numbers[known])}")
    return (formula, f"{own} = {shown}")


def _latex_number(x: float) -> str:
    return format_number(x, at_least(5)).replace("−", "-").replace("∞", r"\infty")


def values_at(graph: Graph, prefix: str, frame: WalkFrame, node: Node) -> dict[str, float]:
    """Numbers at a node's inputs and output, by the letters of its formula."""
    found = {
        edge.input: frame.numbers[prefix + edge.source]
        for edge in graph.edges_into(node)
        if prefix + edge.source in frame.numbers
    }
    if prefix + node.name in frame.numbers:
        found["y"] = frame.numbers[prefix + node.name]
    return found


def sentences(root: Graph, walk: Walk) -> list[str]:
    """What happens at this step, in words and numbers."""
    event, frame = walk.shown, walk.frame
    if event is None or frame is None:
        return []
    if event.phase == "update":
        hint = [tr("Select a node to see its numbers.")] if len(frame.updates) > FEW else []
        return [_changed(frame), *hint, *(_update(u, frame.lr) for u in frame.updates), *_of(frame)]
    found = level_of(root, event.node)
    if found is None:
        return []
    node = root.at(event.node)
    if event.phase == "forward":
        return [_what(node), _computed(*found, frame, node), *_of(frame)]
    return [*_gone_back(walk, frame, event.node), *_of(frame)]


def _of(frame: WalkFrame) -> list[str]:
    """Which sample the numbers are of, where that is not one of the data alone."""
    if frame.unknown:
        return [tr("No true value is known for this row: there is no loss and no backward pass.")]
    if frame.together > 1:
        return [
            tr(
                "{0} samples go through together: of values and their gradients those of the first "
                "are shown; the loss, sizes (r.m.s.) and all about weights are of all of them."
            ).format(frame.together)
        ]
    return []


def _changed(frame: WalkFrame) -> str:
    """Which parameters the optimiser changes."""
    rule = tr("{0}, lr {1}").format(frame.rule, format_number(frame.lr, 3))
    if not frame.unchanged:
        return tr("{0} changes every weight:").format(rule)
    names = ", ".join(frame.unchanged[:FEW]) + (" …" if len(frame.unchanged) > FEW else "")
    return tr("{0} changes {1} of {2} parameters; it leaves {3} as they are:").format(
        rule, len(frame.updates), len(frame.updates) + len(frame.unchanged), names
    )


def _what(node: Node) -> str:
    if node.subgraph is None:
        return node.op.summary()
    return tr("{0} nodes in one: enter it to go through them.").format(len(node.subgraph))


def _computed(graph: Graph, prefix: str, frame: WalkFrame, node: Node) -> str:
    names = dict.fromkeys([*(e.source for e in graph.edges_into(node)), node.name])
    return "   ".join(_number_or_shape(frame, prefix, name) for name in names)


def _number_or_shape(frame: WalkFrame, prefix: str, name: str) -> str:
    """Return a node's name with its number, or with shape and range of its numbers."""
    number = frame.numbers.get(prefix + name)
    if number is not None:
        return f"{name} = {format_number(number, at_least(6))}"
    picture = frame.values.get(prefix + name)
    if picture is None:
        return f"{name} = …"
    low, high = format_number(picture.low, at_least(3)), format_number(picture.high, at_least(3))
    return tr("{0}: shape {1}, from {2} to {3}").format(name, picture.shape, low, high)


def _gone_back(walk: Walk, frame: WalkFrame, node: str) -> list[str]:
    """What arrived, its sum, and what is handed on."""
    end, lines = frame.end, []
    arrived = walk.arrived(node)
    if not arrived:
        lines.append(tr("The gradient starts here: ∂{0}/∂{0} = 1.").format(end))
    elif len(arrived) > 1 and all(t.downstream is not None for t in arrived):
        back = (format_number(t.downstream or 0.0, at_least(6)) for t in arrived)
        parts = " + ".join(f"({n})" if n.startswith("−") else n for n in back)
        total = format_number(frame.slopes.get(node, 0.0), at_least(6))
        lines.append(
            tr("It feeds {0} nodes: what comes back is added, {1} = {2}.").format(
                len(arrived), parts, total
            )
        )
    elif len(arrived) > 1:
        lines.append(
            tr("It feeds {0} nodes: the gradients that come back are added.").format(len(arrived))
        )
    handed_on = walk.handed_on(node)
    if not handed_on:
        lines.append(
            tr("The gradient ends here: it says how {0} changes with {1}.").format(end, node)
        )
    for term in handed_on:
        if term.upstream is not None and term.local is not None and term.downstream is not None:
            numbers = [
                format_number(x, at_least(6)) for x in (term.upstream, term.local, term.downstream)
            ]
            lines.append(
                tr("to {0}:  upstream {1} × local {2} = {3}").format(term.source, *numbers)
            )
        elif term.downstream is not None:
            lines.append(
                tr("to {0}:  {1}").format(term.source, format_number(term.downstream, at_least(6)))
            )
        else:
            size = format_number(term.size, at_least(3))
            lines.append(tr("to {0}:  a gradient of size {1} (r.m.s.)").format(term.source, size))
    return lines


MOMENTS = {
    "exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "largest v", "exp_inf": "u",
    "square_avg": "mean g²", "sum": "Σ g²", "acc_delta": "mean Δ²", "grad_avg": "mean g",
    "momentum_buffer": "velocity", "prev": "last g", "step_size": "step",
}  # fmt: skip
"""torch.optim's name of a moment -> what papers call it."""


def quantity_name(kind: str) -> str:
    """What a tensor of a node or a parameter is called."""
    known = {"value": tr("Value"), "gradient": tr("Gradient"), "after": tr("After the update")}
    return known.get(kind) or MOMENTS.get(kind, kind)


def update_rows(frame: WalkFrame, node: str) -> tuple[Quantity, ...]:
    """The first numbers of a node's parameters: now, gradient, moments, after the update.

    Args:
        node: of the whole net; "" for every parameter there is, if they are few.
    """
    if not node and len(frame.updates) > FEW:
        return ()
    found = []
    for u in frame.updates:
        owner, _, parameter = u.name.rpartition(".")
        if node in ("", owner):
            name = parameter if node else u.name
            numbers = {k: unpack(v)[:COLUMNS] for k, v in u.numbers.items()}
            sent = len(numbers["value"])
            first = tr(", first {0}").format(sent) if sent < u.count else ""
            titles = {
                "value": name + first, "gradient": f"∂{frame.end}/∂{name}",
                "after": tr("{0} after").format(name),
            }  # fmt: skip
            found += [
                Quantity(titles.get(k) or f"{quantity_name(k)} ({name})", pack(v))
                for k, v in numbers.items()
            ]
    return tuple(found)


def _update(u: Update, lr: float) -> str:
    name = u.name
    if u.rate != 1:
        rates = (format_number(x, 3) for x in (lr * u.rate, lr, u.rate))
        name += tr(", at its own lr {0} = {1} × {2}").format(*rates)
    moments = ", ".join(
        f"{quantity_name(k)} {format_number(v, at_least(3))}" for k, v in u.moments.items()
    )
    after = f"  ({moments})" if moments else ""
    if u.before is not None and u.gradient is not None and u.after is not None:
        before, then = told_apart((u.before, u.after), at_least(6))
        g = format_number(u.gradient, at_least(6))
        return tr("{0}:  {1} → {2}, gradient {3}").format(name, before, then, g) + after
    g, change = (
        format_number(u.gradient_size, at_least(3)),
        format_number(u.change_size, at_least(3)),
    )
    return tr("{0}:  gradient {1}, change {2} (r.m.s.)").format(name, g, change) + after


REASONS = {
    "rounding": "rounding, about 2e−16 · L / h",
    "curve": "the curve within the step, about h² / 6 · |L‴|",
    "kink": "a kink within the step: the slopes to its left and right differ",
    "wrong": "it does not fall with h²: this gradient is wrong",
}


def comparison(frame: CheckFrame) -> list[str]:
    """What the comparison with finite differences found, the worst first."""
    seen = [c.error for c in frame.checked.values() if c.reason not in ("kink", "lost")]
    lost = sum(c.reason == "lost" for c in frame.checked.values())
    first = tr(
        "(L(w + h) − L(w − h)) / 2h, h = {0:.0e}, on this sample with these weights, in "
        "double precision."
    ).format(frame.step)
    if seen:
        largest = tr("Largest difference: {0} of the tensor's largest gradient.")
        first += " " + largest.format(format_number(max(seen), 2))
    lines = [first]
    if lost:
        lines.append(
            tr(
                "{0} of {1} cannot be checked: the loss is too large for this step, what h changes "
                "of it is lost in its rounding. A larger h may show it."
            ).format(lost, len(frame.checked))
        )
    order = {"lost": 1, "kink": 2}
    for name, c in sorted(
        frame.checked.items(), key=lambda i: (order.get(i[1].reason, 0), -i[1].error)
    ):
        lines.append(_compared(f"{name}[{c.place}]", c))
    return lines


def _compared(number: str, c: Checked) -> str:
    """A gradient both ways, and how far they are apart."""
    own, found = format_number(c.own, 8), format_number(c.difference, 8)
    if c.reason == "lost":
        return tr(
            "{0}:  backward {1}, cannot be checked: the loss is too large for this step"
        ).format(number, own)
    line = tr("{0}:  backward {1}, difference {2}, off by {3} ({4})").format(
        number, own, found, format_number(c.error, 2), tr(REASONS[c.reason])
    )
    return line + (tr("; {0} more at a kink are left out").format(c.kinks) if c.kinks else "")
