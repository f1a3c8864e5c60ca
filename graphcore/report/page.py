"""The page of a report."""

from __future__ import annotations

from html import escape

from graphcore.colors import CATEGORY_COLORS
from graphcore.report import sections
from graphcore.report.content import Report

PARTS = (
    sections.graph, sections.curves, sections.settings, sections.confusion, sections.per_class,
    sections.mistakes, sections.decision, sections.landscape, sections.layers, sections.health,
)  # fmt: skip


def render(report: Report) -> str:
    """The whole page."""
    body = "".join(part(report) for part in PARTS)
    colors = "".join(f".{name} {{ fill: {color}; }}" for name, color in CATEGORY_COLORS.items())
    return _PAGE.format(
        title=escape(report.name), style=_STYLE + colors, written=escape(report.written),
        dataset=escape(report.dataset), figures=sections.headline(report), body=body,
    )  # fmt: skip


MARK = " – Gradscape</title>".encode()
"""What every page of ours holds."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} – Gradscape</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1><p class="muted">trained on {dataset} · written {written} · Gradscape</p>
{figures}</header>
<main>{body}</main>
</body>
</html>
"""

_STYLE = """
:root { --page: #eef0f3; --card: #ffffff; --line: #d0d6de; --text: #1c2128; --muted: #57606a;
  --edge: #7a8594; --train: #1f6feb; --test: #b35900;
  --validation: #0f7b5f;
  --more1: #a8388c; --more2: #0f7b5f; --more3: #6347c9; --good: #1f6feb; --wrong: #cc6b1b; }
@media (prefers-color-scheme: dark) {
  :root { --page: #17191d; --card: #1d2025; --line: #343a44; --text: #e6e9ee; --muted: #9aa4b2;
    --edge: #6b7686; --train: #6ea8fe; --test: #f0a35e;
    --validation: #56d3a4;
    --more1: #e58acb; --more2: #56d3a4; --more3: #9d8cf2; --good: #2f7fc4; --wrong: #c06a1c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px; max-width: 1180px; background: var(--page);
  color: var(--text); font: 15px/1.5 Inter, system-ui, sans-serif; }
h1 { margin: 0; font-size: 28px; } h2 { margin: 0 0 8px; font-size: 18px; }
p { margin: 0 0 10px; } .muted { color: var(--muted); }
section { margin: 18px 0; padding: 18px 20px; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; break-inside: avoid; }
.figures { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 14px; }
.figures div { padding: 10px 16px; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
.figures b { display: block; font-size: 22px; } .figures span { color: var(--muted); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr));
  gap: 20px; align-items: start; }
figure { margin: 0; } figcaption { font-weight: 600; }
.key { margin-left: 14px; font-weight: 400; color: var(--muted); }
.key i { display: inline-block; width: 14px; height: 3px; margin-right: 6px;
  vertical-align: middle; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--muted); font-size: 12px; }
.plot { max-width: 640px; } svg.graph { margin: 0 auto; } .graph text { font-size: 13px; }
.graph .name { fill: var(--text); font-size: 15px; font-weight: 600; }
.node { fill: var(--page); stroke: var(--line); } .edge { fill: none; stroke: var(--edge); }
.curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; } .grid { stroke: var(--line); }
table { border-collapse: collapse; } .scroll { overflow-x: auto; }
th, td { padding: 4px 12px; text-align: right; font-variant-numeric: tabular-nums; }
th { font-weight: 500; color: var(--muted); }
.numbers, .facts { width: 100%; } .numbers tr + tr { border-top: 1px solid var(--line); }
.numbers th:first-child, .facts th, .facts td, .l { text-align: left; }
.facts th { width: 180px; } .matrix td { min-width: 46px; border: 1px solid var(--line); }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(118px, 1fr));
  gap: 14px; }
.mistakes img { width: 100%; image-rendering: pixelated; border-radius: 6px; }
.mistakes figcaption { font-size: 13px; font-weight: 400; color: var(--muted); }
.surface { position: relative; max-width: 460px; }
.surface img { display: block; width: 100%; aspect-ratio: 1; border-radius: 6px; }
.surface i { position: absolute; left: calc(50% - 6px); top: calc(50% - 6px); width: 12px;
  height: 12px; border: 2px solid #fff; border-radius: 50%; background: #ff5d5d; }
.plane { border: 1px solid var(--line); border-radius: 6px; } .plane .test { stroke: var(--text);
  stroke-width: 1.2; } .plane .made { stroke: #ff6b6b; stroke-width: 1.4; }
@media print { body { max-width: none; } }
"""
