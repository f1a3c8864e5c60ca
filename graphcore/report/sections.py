"""The parts of a report: each turns what it needs into HTML, or into "" where there is none."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np

from graphcore.colors import colored
from graphcore.graph.drawing.picture import graph_picture
from graphcore.records.arrays import unpack
from graphcore.report import plane, svg
from graphcore.report.content import Report

MOST_CLASSES, MISTAKES, FURTHER_LOSSES, RATES = 40, 24, 3, 6


def section(title: str, body: str, note: str = "") -> str:
    """A part with its heading; "" where there is no body."""
    if not body:
        return ""
    said = f'<p class="muted">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{said}{body}</section>"


def headline(r: Report) -> str:
    """The few figures that matter most."""
    figures = [
        ("test accuracy", "–" if r.test.accuracy is None else f"{r.test.accuracy:.2%}"),
        ("test loss", f"{r.test.loss:.4f}"),
        ("training accuracy", "–" if r.train.accuracy is None else f"{r.train.accuracy:.2%}"),
        ("training loss", f"{r.train.loss:.4f}"), ("parameters", f"{r.parameters:,}"),
        ("steps", f"{r.step:,}"),
    ]  # fmt: skip
    took = max((row.seconds or 0.0 for row in r.rows), default=0.0)
    if took:
        figures.append(("time", f"{int(took) // 60}:{int(took) % 60:02d}"))
    cards = "".join(f"<div><b>{v}</b><span>{k}</span></div>" for k, v in figures)
    return f'<div class="figures">{cards}</div>'


def graph(r: Report) -> str:
    """The graph as a picture."""
    return section("Graph", graph_picture(r.graph))


def curves(r: Report) -> str:
    """Loss and accuracy over the steps."""
    if not r.rows:
        text = "No metrics were kept of this run."
        return section("Curves", f'<p class="muted">{text}</p>')
    plots = [_plot("Loss", "loss", r, share=False), _plot("Accuracy", "accuracy", r, share=True)]
    return section("Curves", f'<div class="pair">{"".join(plots)}</div>' if any(plots) else "")


def _plot(title: str, what: str, r: Report, share: bool) -> str:
    """One plot with its legend; "" where nothing was measured."""
    lines, names = {}, {"train": "train", "test": "test", "validation": "validation"}
    for name in names:
        found = [(row.step, getattr(row, f"{name}_{what}")) for row in r.rows]
        lines[name] = [(step, value) for step, value in found if value is not None]
    further = r.log.further[:FURTHER_LOSSES] if r.log is not None and what == "loss" else []
    for i, node in enumerate(further, 1):
        lines[f"more{i}"] = [(row.step, row.further[node]) for row in r.rows if node in row.further]
        names[f"more{i}"] = node
    drawn = svg.curves(lines, title, share=share)
    if not drawn:
        return ""
    legend = "".join(
        f'<span class="key"><i style="background: var(--{key})"></i>{escape(names[key])}</span>'
        for key, line in lines.items() if line
    )  # fmt: skip
    return f"<figure><figcaption>{title}{legend}</figcaption>{drawn}</figure>"


def settings(r: Report) -> str:
    """How it was trained."""
    s = r.settings
    rows = [
        ("Data set", f"{r.dataset} ({r.samples[0]:,} to train, {r.samples[1]:,} to test)"),
        ("Inputs", r.normalization), ("Optimiser", s.optimizer + _options(s.optimizer_options)),
        ("Learning rate", _rates(r)), ("Schedule", s.schedule + _options(s.schedule_options)),
        ("Batch", f"{s.batch:,}"), ("Epochs", f"{s.epochs:,}"), ("Seed", f"{s.seed}"),
    ]  # fmt: skip
    if s.augmentation:
        rows.append(("Augmentation", _options(s.augmentation).strip(" ()")))
    if s.l1 or s.l2:
        rows.append(("Penalties", f"L1 {s.l1:g}, L2 {s.l2:g}"))
    if s.clip_norm is not None:
        rows.append(("Gradient clipped at", f"{s.clip_norm:g}"))
    if s.patience is not None:
        rows.append(("Patience", f"{s.patience} epoch{'s' if s.patience != 1 else ''}"))
    body = "".join(f"<tr><th>{k}</th><td>{escape(v)}</td></tr>" for k, v in rows)
    return section("Training", f'<table class="facts">{body}</table>', r.note)


def _rates(r: Report) -> str:
    """The learning rate, and what it was changed to by hand while the net trained."""
    if r.settings.schedule != "constant":
        return f"{r.settings.lr:g}"
    known = [(row.step, row.lr) for row in r.rows if row.lr is not None]
    now = known[0][1] if known else r.settings.lr
    told = [f"{now:g}"]
    for step, rate in known:
        if not math.isclose(rate, now):
            now = rate
            told.append(f"{now:g} from step {step:,}")
    return ", ".join(told if len(told) <= RATES else [told[0], "…", *told[2 - RATES :]])


def _options(options: Any) -> str:
    text = ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}"
                     for k, v in options.items())  # fmt: skip
    return f" ({text})" if text else ""


def confusion(r: Report) -> str:
    """Which class was predicted as which."""
    if r.results.counts is None:
        return section("Results", f'<p class="muted">{escape(r.results.problem)}</p>')
    counts, names = unpack(r.results.counts), r.results.classes
    if len(counts) > MOST_CLASSES:
        return ""
    head = "".join(f"<th>{escape(n)}</th>" for n in names)
    rows = []
    for i, row in enumerate(counts):
        total = max(1, int(row.sum()))
        cells = "".join(_cell(i, j, int(n), n / total) for j, n in enumerate(row))
        rows.append(f"<tr><th>{escape(names[i])}</th>{cells}</tr>")
    table = f'<table class="matrix"><tr><th></th>{head}</tr>{"".join(rows)}</table>'
    return section("Confusion matrix", f'<div class="scroll">{table}</div>',
                   "A row per true class, a column per answer, on the test set.")  # fmt: skip


def _cell(i: int, j: int, count: int, share: float) -> str:
    color = "--good" if i == j else "--wrong"
    strength = share if i == j else math.sqrt(share)
    mix = f"background: color-mix(in srgb, var({color}) {strength * 70:.0f}%, transparent)"
    return f'<td style="{mix}">{count or ""}</td>'


def per_class(r: Report) -> str:
    """Precision, recall and F1 of each class."""
    f = r.results
    if f.counts is None or f.precision is None or f.recall is None or f.f1 is None:
        return ""
    support = unpack(f.counts).sum(1)
    rows = "".join(
        f"<tr><th>{escape(name)}</th>" + "".join(_figure(unpack(a)[i])
        for a in (f.precision, f.recall, f.f1)) + f"<td>{int(support[i]):,}</td></tr>"
        for i, name in enumerate(f.classes)
    )  # fmt: skip
    head = "<tr><th>Class</th><th>Precision</th><th>Recall</th><th>F1</th><th>Samples</th></tr>"
    return section("Per class", f'<table class="numbers">{head}{rows}</table>')


def _figure(value: float) -> str:
    return "<td>–</td>" if math.isnan(value) else f"<td>{value:.3f}</td>"


def mistakes(r: Report) -> str:
    """The surest wrong answers, as pictures where samples are some."""
    names, cards = r.results.classes, []
    for m in r.results.mistakes[:MISTAKES]:
        if m.image is None:
            continue
        source = svg.data_uri(svg.grey(unpack(m.image).astype(np.float32)))
        text = (
            f"{escape(names[m.label])} predicted as <b>{escape(names[m.answer])}</b>, {m.share:.1%}"
        )
        cards.append(f'<figure><img src="{source}" alt="{escape(names[m.label])}">'
                     f"<figcaption>{text}</figcaption></figure>")  # fmt: skip
    return section("Surest mistakes", f'<div class="mistakes">{"".join(cards)}</div>' if cards
                   else "", "On the test set.")  # fmt: skip


def decision(r: Report) -> str:
    """The plane that a net of two inputs divides."""
    note = "What the net says at every place of its two inputs; test samples are ringed."
    if r.decision.generated is not None:
        note += " Crosses are points that the net made out of random numbers."
    return section("Decision map", plane.picture(r.decision), note)


def landscape(r: Report) -> str:
    """The loss around the weights."""
    surface = r.landscape
    if surface is None:
        return ""
    values = np.log10(np.maximum(surface.values.astype(np.float64), 1e-12))
    low, high = float(values.min()), float(min(values.max(), values.min() + 8))
    source = svg.data_uri(colored((values - low) / max(high - low, 1e-12))[::-1])
    picture = (
        f'<div class="surface"><img src="{source}" alt="Loss around the weights"><i></i></div>'
    )
    note = (
        f"Loss on {len(next(iter(surface.feeds.values())))} test samples on a random plane through "
        f"the weights, directions normalised filter by filter, one length of the weights to each "
        f"side; from {surface.values.min():.4g} (dark) to {surface.values.max():.4g} (yellow), on "
        "a logarithmic scale. The dot is the net."
    )
    return section("Loss landscape", picture, note)


def layers(r: Report) -> str:
    """Every node with its shape and its learned numbers."""
    rows = "".join(
        f"<tr><th>{escape(n.name)}</th><td class=l>{escape(n.operator)}</td>"
        f"<td class=l>{escape(n.shape)}</td>"
        f"<td>{f'{n.parameters:,}' if n.parameters else ''}</td></tr>"
        for n in r.layers
    )  # fmt: skip
    head = (
        "<tr><th>Node</th><th class=l>Operator</th><th class=l>Output</th><th>Parameters</th></tr>"
    )
    total = f"<tr><th>Together</th><td></td><td></td><td><b>{r.parameters:,}</b></td></tr>"
    return section("Layers", f'<table class="numbers">{head}{rows}{total}</table>')


def health(r: Report) -> str:
    """Is the net fit to learn?"""
    h = r.health
    if h.problem:
        return section("Health", f'<p class="muted">{escape(h.problem)}</p>')
    said = "".join(f"<li>{escape(f.sentence)}</li>" for f in h.findings)
    text = f"<ul>{said}</ul>" if said else "<p>Nothing stands out.</p>"
    head = ("<tr><th>Weight</th><th>Gradient</th><th>Weight's size</th>"
            "<th>Update / weight</th></tr>")  # fmt: skip
    rows = "".join(
        f"<tr><th>{escape(w.name)}</th><td>{w.gradient:.2e}</td><td>{w.weight:.3g}</td>"
        f"<td>{w.change / w.weight if w.weight else 0:.1e}</td></tr>"
        for w in h.layers
    )
    units = "".join(
        f"<tr><th>{escape(u.node)}</th><td>{u.dead:.1%}</td><td>{u.saturated:.1%}</td></tr>"
        for u in h.units
    )
    tables = f'<table class="numbers">{head}{rows}</table>' if rows else ""
    if units:
        tables += ('<table class="numbers"><tr><th>Activation</th><th>Dead units</th>'
                   f"<th>Flat values</th></tr>{units}</table>")  # fmt: skip
    return section("Health", f'{text}<div class="pair">{tables}</div>',
                   "Root mean squares over one batch of the training set.")  # fmt: skip
