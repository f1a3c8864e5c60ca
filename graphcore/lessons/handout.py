"""A lesson as a static HTML page: its texts, questions and tasks, and a picture of the graph."""

from __future__ import annotations

import re
import warnings
from html import escape

from graphcore.errors import GradscapeError
from graphcore.lessons.format import (
    NUMBER_IN_TEXT,
    Lesson,
    Live,
    Predict,
    Reveal,
    Step,
    Task,
    Text,
)
from graphcore.lessons.play import Play

_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_SLANTED = re.compile(r"\*([^*\n]+)\*")
_CODE = re.compile(r"`([^`\n]+)`")
_DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"\$([^$\n]+)\$")


def number(value: object, form: str = "") -> str:
    """A live number as text: four significant digits, or as its format says."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return format(value, form or ".4g")


def filled(text: Text, play: Play) -> str:
    """The Markdown of a passage with its live numbers put in."""

    def put(found: re.Match[str]) -> str:
        live: Live | None = text.lives.get(found[1])
        if live is None:
            return found[0]
        try:
            now = {str(live.expression): play.state.value(live.expression)}
            return number(live.value(now, play.figures), live.format)
        except GradscapeError:
            return "…"

    return NUMBER_IN_TEXT.sub(put, text.markdown)


def handout(lesson: Lesson, picture: str = "") -> str:
    """Return the page; the numbers in it are those of the lesson played once.

    Args:
        picture: of the graph, inline SVG.
    """
    play = Play(lesson)
    parts = [_prose(filled(lesson.intro, play)), f"<figure>{picture}</figure>" if picture else ""]
    answers: list[str] = []
    for i, step in enumerate(lesson.steps, 1):
        play.enter(step)
        parts.append(f"<h2>{i}. {escape(step.title)}</h2>")
        parts += [_part(part, play) for part in step.parts if not isinstance(part, Reveal)]
        play.solve(step)
        answers += _answers(i, step, play)
        play.note_figures(step)
    title = escape(lesson.header.title)
    end = f"<h2>What came of it</h2>{''.join(answers)}" if answers else ""
    return (
        f'<!doctype html><html lang="{escape(lesson.header.language)}"><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f"<p><em>{escape(lesson.header.idea)}</em></p>{''.join(parts)}{end}</html>\n"
    )


def _part(part: object, play: Play) -> str:
    if isinstance(part, Text):
        return _prose(filled(part, play))
    if isinstance(part, Task):
        return f'<div class="do">{_prose(filled(part.text, play))}</div>'
    if isinstance(part, Predict):
        choices = "".join(f"<li>☐ {_inline(c)}</li>" for c in part.choices)
        room = f"<ul>{choices}</ul>" if choices else "<p>______________</p>"
        return f'<div class="predict">{_prose(filled(part.question, play))}{room}</div>'
    return ""


def _answers(number_of_step: int, step: Step, play: Play) -> list[str]:
    found = []
    for part in step.parts:
        if isinstance(part, Predict) and part.choices:
            found.append(f"<p>{number_of_step}: {_inline(part.choices[part.right])}</p>")
        elif isinstance(part, Predict) and part.outcome is not None:
            value = number(play.state.value(part.outcome))
            found.append(f"<p>{number_of_step}: {escape(value)}</p>")
        elif isinstance(part, Reveal):
            found.append(_prose(filled(part.text, play)))
    return found


def _prose(markdown: str) -> str:
    """Paragraphs, lists and formulas of a passage."""
    blocks = re.split(r"\n\s*\n", markdown.strip())
    return "".join(_block(b) for b in blocks if b)


def _block(text: str) -> str:
    lines = text.split("\n")
    if all(line.startswith(("- ", "* ")) for line in lines):
        return f"<ul>{''.join(f'<li>{_inline(line[2:])}</li>' for line in lines)}</ul>"
    return f"<p>{_inline(text)}</p>"


def _inline(text: str) -> str:
    """Bold, slanted, code and formulas; everything else is plain text."""
    kept: list[str] = []

    def keep(html: str) -> str:
        kept.append(html)
        return f"\0{len(kept) - 1}\0"

    text = _DISPLAYED.sub(lambda m: keep(_formula(m[1], displayed=True)), text)
    text = _INLINE.sub(lambda m: keep(_formula(m[1])), text)
    text = _CODE.sub(lambda m: keep(f"<code>{escape(m[1])}</code>"), text)
    text = _SLANTED.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", escape(text)))
    return re.sub(r"\0(\d+)\0", lambda m: kept[int(m[1])], text)


def _formula(latex: str, displayed: bool = False) -> str:
    """A formula as inline SVG; its text where it cannot be drawn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its use of importlib.resources
        import ziamath
    try:
        svg = ziamath.Latex(latex.strip(), size=18, inline=not displayed).svg()
    except Exception:  # the library raises whatever it stumbles over
        return f"<code>{escape(latex)}</code>"
    label = escape(latex, quote=True)
    drawn = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return f"<div>{drawn}</div>" if displayed else drawn


_STYLE = """
body{font:17px/1.55 Georgia,serif;max-width:44em;margin:2em auto;padding:0 1em;color:#1c1c1e}
svg{vertical-align:middle;max-width:100%}.graph{width:100%}.graph text{font:13px sans-serif}
.node{fill:#fff;stroke:#d0d6de}.edge{fill:none;stroke:#7a8594}figure{margin:1em 0}
.do{border-left:4px solid #2f6db5;padding-left:1em}.predict{border-left:4px solid #b57a2f;
padding-left:1em}ul{list-style:none;padding-left:1em}
"""
