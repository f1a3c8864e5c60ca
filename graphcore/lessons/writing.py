"""A lesson's text while it is written: where one is in it, and the blocks that are put in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from graphcore.lessons.recording import Proposal

MARK = "+++"
_FENCE = re.compile(r"(`{3,}|~{3,})")
_KEY = r"^{}[ \t]*="


def begun(title: str, graph: str, panels: Iterable[str], seed: int = 0) -> str:
    """Return the text that a new lesson begins with: it can be played as it is."""
    return (
        f"{MARK}\ntitle = {quoted(title)}\nminutes = 6\nidea = {quoted('')}\n"
        f"graph = {quoted(graph)}\npanels = {listed(panels)}\nseed = {seed}\n{MARK}\n"
        "What this lesson is about, in a sentence or two.\n\n## First step\nWhat one sees here.\n"
    )


def quoted(text: str) -> str:
    """A text as TOML writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else " " for c in escaped) + '"'


def listed(names: Iterable[str]) -> str:
    """A list of texts as TOML writes it."""
    return f"[{', '.join(map(quoted, names))}]"


def with_entry(text: str, key: str, value: str) -> str:
    """Return the lesson with an entry of its front matter set; ``value`` is TOML on one line."""
    lines = text.split("\n")
    end = _header_end(lines)
    if end < 0:
        return text
    place = next((i for i in range(1, end) if re.match(_KEY.format(re.escape(key)), lines[i])), end)
    stop = min(end, place + 1)
    while place < stop < end and _open("".join(lines[place:stop])):  # a list over several lines
        stop += 1
    return "\n".join([*lines[:place], f"{key} = {value}", *lines[stop:]])


def step_lines(text: str) -> list[int]:
    """Lines, counted from 0, at which the steps begin."""
    lines = text.split("\n")
    found, fence = [], ""
    for i in range(_header_end(lines) + 1, len(lines)):
        line = lines[i]
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opening := _FENCE.match(line):
            fence = opening[1]
        elif line.startswith("## "):
            found.append(i)
    return found


def step_at(text: str, line: int) -> int:
    """Place of the step that a line, counted from 0, belongs to; 0 before the first."""
    return max(0, sum(begin <= line for begin in step_lines(text)) - 1)


def step_end(text: str, line: int) -> int:
    """The line, counted from 0, behind the last one with text of the step at ``line``."""
    lines = text.split("\n")
    after = [begin for begin in step_lines(text) if begin > line]
    end = after[0] if after else len(lines)
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    return end


def block(word: str, body: str, name: str = "") -> str:
    """A fenced block."""
    return f"```{word}{' ' if name else ''}{name}\n{body}\n```\n"


def step(title: str) -> str:
    """A step with nothing to do yet."""
    return f"## {title}\nWhat one sees here.\n"


def question(text: str) -> str:
    """A question with choices, under a name that is free in the lesson."""
    taken = set(re.findall(r"^```predict[ \t]+(\w+)", text, re.MULTILINE))
    name = next(f"question{i}" for i in range(1, 1000) if f"question{i}" not in taken)
    return block("predict", "What will happen?\n(x) the right answer\n( ) another answer", name)


def task(words: str, chosen: Sequence[Proposal], solution: Sequence[str]) -> str:
    """A task with its check, what is said while it is not done, and its solution."""
    check = " and ".join(p.check for p in chosen)
    replies = "\n".join(f"when not ({p.check}): {p.otherwise}" for p in chosen)
    return (
        block("do", words) + block("check", check) + block("else", replies)
        + block("solution", "\n".join(solution or ("reset()",)))
    )  # fmt: skip


def looks(names: Iterable[str]) -> str:
    """Highlights of nodes."""
    return block("look", "\n".join(f"node {name}" for name in names))


def _open(text: str) -> bool:
    return text.count("[") > text.count("]")


def _header_end(lines: Sequence[str]) -> int:
    """Place of the line that closes the front matter; -1 where there is none."""
    if not lines or lines[0].strip() != MARK:
        return -1
    return next((i for i, line in enumerate(lines[1:], 1) if line.strip() == MARK), -1)
