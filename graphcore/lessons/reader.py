"""Reading a lesson: front matter in TOML, then Markdown whose fenced blocks are the steps' parts.

    +++
    title = "One neuron"
    graph = "perceptron"
    +++
    What the lesson is about.

    ## Weigh and add
    Prose with a live number: y is {value("y"):.4f}.

    ```predict y
    What is y for z = -6?
    ( ) about 0.5
    (x) about 0.002
    ```

Whatever is wrong is one sentence that names the file, the line, and what would fit.
"""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from graphcore.errors import LessonError, quote, short
from graphcore.lessons import actions, facts  # noqa: F401 - they register the functions
from graphcore.lessons.format import (
    LOCKS,
    NUMBER_IN_TEXT,
    Header,
    Lesson,
    Live,
    Look,
    Measure,
    Part,
    Predict,
    Reply,
    Reveal,
    Step,
    Task,
    Text,
)
from graphcore.lessons.functions import ACTIONS, known_fact
from graphcore.lessons.language import Call, Expression, parse, parse_call
from graphcore.lessons.places import ACTION_NAMES
from graphcore.system import reading

ENDING = ".lesson.md"
LARGEST = 256 << 10
"""Bytes of a lesson file."""
MOST_STEPS, MOST_BLOCKS, MOST_HINTS, MOST_ACTIONS = 8, 24, 3, 40
LARGEST_HEADER = 8 << 10
WORDS = ("predict", "do", "check", "else", "reveal", "measure", "look", "hint", "solution",
         "setup", "note")  # fmt: skip
LOOKS = ("node", "port", "edge", "attribute", "panel", "action")
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*([A-Za-z]*)[ \t]*([^`]*)$")
_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CHOICE = re.compile(r"\(([ xX])\)[ \t]+(\S.*)")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"
_OUTCOME = re.compile(rf"=\s*(\S.*?)\s*(?:±|\+-|\+/-)\s*({_NUMBER})\s*(%?)")
_BAND = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})")
_FORMAT = re.compile(r"(.*?):(\.\d[feg%])\s*")
_FORMULA = re.compile(r"(\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]*`)", re.DOTALL)
_MARKUP = re.compile(r"</?[a-zA-Z!]|\]\(\s*(?!#)|!\[|javascript:", re.IGNORECASE)


def read_lesson(path: str | Path) -> Lesson:
    """Return the lesson in a file; raises LessonError with file and line."""
    path = Path(path)
    if not path.name.endswith(ENDING):
        raise LessonError(f"{short(path.name)} is no lesson: its name ends in {ENDING}.")
    return parse_lesson(reading.read_bytes(path, LARGEST, LessonError), path.name, path.parent)


def parse_lesson(data: bytes, name: str, folder: Path | None = None) -> Lesson:
    """Return a lesson from its bytes; raises LessonError with file and line.

    Args:
        name: of the file; the lesson's id is the part before the first dot.
    """
    if len(data) > LARGEST:
        raise LessonError(
            f"{short(name)} is larger than {LARGEST >> 10} KiB, the most that is read."
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LessonError(f"{short(name)}, line {line}: this is not UTF-8 text.") from None
    return _Reader(name, folder, hashlib.sha256(data).hexdigest()).read(text)


@dataclass
class _Block:
    word: str
    argument: str
    line: int
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()


@dataclass
class _Draft:
    """A step while it is read."""

    title: str
    line: int
    parts: list[Part] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    hints: list[Text] = field(default_factory=list)
    setup: list[Call] = field(default_factory=list)
    solution: list[Call] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)
    blocks: int = 0

    def finish(self) -> Step:
        return Step(
            self.title, self.line, tuple(self.parts), tuple(self.looks), tuple(self.hints),
            tuple(self.setup), tuple(self.solution), tuple(self.notes),
        )  # fmt: skip


class _Reader:
    """Reads one file; ``line`` is where it is, for what may be wrong there."""

    def __init__(self, name: str, folder: Path | None, hash: str) -> None:
        self.name, self.folder, self.hash, self.line = name, folder, hash, 1
        self.ids: set[tuple[str, str]] = set()
        self.measures: dict[str, Expression] = {}

    def read(self, text: str) -> Lesson:
        try:
            return self._read(text)
        except LessonError as error:
            raise LessonError(f"{short(self.name)}, line {self.line}: {error}") from None

    def _read(self, text: str) -> Lesson:
        for i, c in enumerate(text):
            if ord(c) < 32 and c not in "\n\r\t":
                self.line = text.count("\n", 0, i) + 1
                raise LessonError(f"there is the control character {ord(c)}; lessons are text.")
        lines = text.splitlines()
        header, body = self._header(lines)
        self._find_measures(lines, body)
        steps, intro = self._steps(lines, body)
        found = Lesson(self.name.split(".")[0], header, steps, intro, self.hash, self.folder)
        self.line = body + 1
        if not steps:
            raise LessonError("the lesson has no step: a step begins with a line ## Title.")
        return found

    # -- front matter -------------------------------------------------------------------------

    def _header(self, lines: list[str]) -> tuple[Header, int]:
        """The front matter, and the place of the first line behind it."""
        if not lines or lines[0].strip() != "+++":
            raise LessonError("a lesson begins with its front matter between two lines +++.")
        end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "+++"), None)
        if end is None:
            raise LessonError("the front matter has no end: a line +++ closes it.")
        text = "\n".join(lines[1:end])
        if len(text) > LARGEST_HEADER:
            raise LessonError(f"the front matter is longer than {LARGEST_HEADER:,} characters.")
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            where = re.search(r"line (\d+)", str(error))
            self.line = 1 + int(where[1]) if where else 1
            why = re.sub(r" \(at.*\)", "", str(error))
            raise LessonError(f"the front matter is no TOML: {why.lower()}.") from None
        except (RecursionError, ValueError, OverflowError):
            raise LessonError("the front matter is no TOML that can be read.") from None
        return self._fitted(table, lines), end + 1

    def _fitted(self, table: dict[str, Any], lines: list[str]) -> Header:
        known = {f.name: f for f in fields(Header)}
        for key, value in table.items():
            at = (i for i, line in enumerate(lines, 1) if re.match(rf"\[?{re.escape(key)}\b", line))
            self.line = next(at, 1)
            if key not in known:
                raise LessonError(f"there is no entry {quote(key)}; there are: {', '.join(known)}.")
            table[key] = _entry(key, value, str(known[key].type))
        self.line = 1
        if not table.get("title"):
            raise LessonError('the front matter needs a title, such as title = "One neuron".')
        nets = [k for k in ("graph", "layers", "formula") if table.get(k)]
        if len(nets) != 1:
            raise LessonError("the front matter names one net: graph, layers or formula.")
        graph = table.get("graph", "")
        if graph and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", graph):
            raise LessonError(f"graph is a preset or a file beside the lesson, not {quote(graph)}.")
        for key, known_names in (("locked", LOCKS), ("hidden", ACTION_NAMES)):
            for name in table.get(key, ()):
                if name not in known_names:
                    near = get_close_matches(name, known_names, 5, 0.0)
                    raise LessonError(
                        f"{quote(name)} cannot be {key}; did you mean {' or '.join(near)}?"
                    )
        return Header(**table)

    # -- steps --------------------------------------------------------------------------------

    def _find_measures(self, lines: list[str], first: int) -> None:
        """What each measure computes: a text may show its number before it stands there."""
        for piece in self._pieces(lines, first):
            if isinstance(piece, _Block) and piece.word == "measure":
                self.line = piece.line
                self.measures[piece.argument] = self._measure(piece)[0]
        self.ids.clear()

    def _steps(self, lines: list[str], first: int) -> tuple[tuple[Step, ...], Text]:
        draft, intro = _Draft("", first + 1), Text("")
        done: list[Step] = []
        for piece in self._pieces(lines, first):
            if isinstance(piece, _Draft):
                if draft.title:
                    done.append(self._end(draft))
                draft = piece
                if len(done) >= MOST_STEPS:
                    self.line = piece.line
                    raise LessonError(f"a lesson has at most {MOST_STEPS} steps.")
            elif not draft.title and piece.word:
                self.line = piece.line
                raise LessonError("this block comes before the first step: a step begins with ##.")
            elif not draft.title:
                intro = self._text(piece.text, piece.line)
            else:
                self.line = piece.line
                self._put(draft, piece)
        if draft.title:
            done.append(self._end(draft))
        return tuple(done), intro

    def _pieces(self, lines: list[str], first: int) -> Iterator[_Block | _Draft]:
        """Headings, passages of prose (blocks without a word) and fenced blocks."""
        prose, block, fence = _Block("", "", first + 1), None, ""
        for i, line in enumerate(lines[first:], first + 1):
            if block is not None:
                if line.strip() == fence:
                    yield block
                    block, prose = None, _Block("", "", i + 1)
                else:
                    block.lines.append(line)
                continue
            opening = _FENCE.fullmatch(line)
            if not (opening or line.startswith("## ")):
                prose.lines.append(line)
                continue
            if prose.text:
                yield prose
            prose = _Block("", "", i + 1)
            if opening:
                self.line = i
                block, fence = self._opened(opening, i), opening[1]
            else:
                title = line[3:].strip()
                self.line = i
                if not title or len(title) > 80:
                    raise LessonError("the title of a step has 1 to 80 characters.")
                yield _Draft(title, i)
        if block is not None:
            self.line = block.line
            raise LessonError(f"the block {block.word} has no end: a line {fence} closes it.")
        if prose.text:
            yield prose

    def _opened(self, opening: re.Match[str], line: int) -> _Block:
        word, argument = opening[2], opening[3].strip()
        if word not in WORDS:
            raise LessonError(f"there is no block {quote(word)}; there are: {', '.join(WORDS)}.")
        named = word in ("predict", "measure")
        if named and not _ID.fullmatch(argument):
            raise LessonError(f"a {word} block has a name, such as ```{word} first_loss.")
        if not named and argument:
            raise LessonError(f"behind {word} stands nothing, not {quote(argument)}.")
        if named and (word, argument) in self.ids:
            raise LessonError(f"the name {quote(argument)} is taken by another {word}.")
        self.ids.add((word, argument))
        return _Block(word, argument, line)

    def _put(self, draft: _Draft, block: _Block) -> None:
        draft.blocks += 1
        if draft.blocks > MOST_BLOCKS:
            raise LessonError(f"a step has at most {MOST_BLOCKS} blocks and passages.")
        if block.word and not block.text:
            raise LessonError(f"the block {block.word} is empty.")
        if not block.word:
            draft.parts.append(self._text(block.text, block.line))
        else:
            getattr(self, f"_put_{block.word}")(draft, block)

    def _end(self, draft: _Draft) -> Step:
        self.line = draft.line
        tasks = [p for p in draft.parts if isinstance(p, Task)]
        for task in tasks:
            self.line = task.line
            if task.check is None:
                raise LessonError("this task has no check: a block ```check follows it.")
        self.line = draft.line
        if tasks and not draft.solution:
            raise LessonError("the step has a task and no solution.")
        return draft.finish()

    # -- blocks -------------------------------------------------------------------------------

    def _put_predict(self, draft: _Draft, block: _Block) -> None:
        question: list[str] = []
        choices: list[str] = []
        right: list[int] = []
        outcome: tuple[Expression, float] | None = None
        for i, raw in enumerate(block.lines, block.line + 1):
            line = raw.strip()
            if choice := _CHOICE.fullmatch(line):
                right += [len(choices)] if choice[1] != " " else []
                choices.append(self._plain(choice[2]))
            elif line.startswith("="):
                self.line = i
                outcome = self._outcome(line)
            elif choices or outcome:
                self.line = i if line else self.line
                if line:
                    raise LessonError("behind the choices or the outcome stands nothing.")
            else:
                question.append(raw)
        self.line = block.line
        if bool(choices) is bool(outcome):
            raise LessonError(
                "a prediction has choices, ( ) one and (x) the right one, or an outcome "
                "= 0.25 +- 0.01."
            )
        if choices and (len(right) != 1 or not 2 <= len(choices) <= 6):
            raise LessonError("a prediction has 2 to 6 choices and one of them is marked (x).")
        text = "\n".join(question).strip()
        if not text:
            raise LessonError("the prediction asks nothing.")
        expression, tolerance = outcome or (None, 0.0)
        draft.parts.append(
            Predict(block.argument, self._text(text, block.line), block.line, tuple(choices),
                    right[0] if right else 0, expression, tolerance)
        )  # fmt: skip

    def _outcome(self, line: str) -> tuple[Expression, float]:
        found = _OUTCOME.fullmatch(line)
        if found is None:
            raise LessonError(
                "an outcome is = and an expression, +- and a tolerance, such as = 0.25 +- 0.01."
            )
        tolerance = _finite(found[2])
        return self._expression(found[1]), -tolerance / 100 if found[3] else tolerance

    def _put_do(self, draft: _Draft, block: _Block) -> None:
        draft.parts.append(Task(self._text(block.text, block.line), block.line))

    def _put_check(self, draft: _Draft, block: _Block) -> None:
        task = draft.parts[-1] if draft.parts else None
        if not isinstance(task, Task) or task.check is not None:
            raise LessonError("a check stands right behind the block ```do that it belongs to.")
        check = self._expression(block.text)
        if not check.calls:
            raise LessonError("this check asks nothing of the net: it always comes to the same.")
        draft.parts[-1] = Task(task.text, task.line, check)

    def _put_else(self, draft: _Draft, block: _Block) -> None:
        task = draft.parts[-1] if draft.parts else None
        if not isinstance(task, Task) or task.check is None:
            raise LessonError("else stands right behind the check that it belongs to.")
        replies = [*task.replies]
        for i, raw in enumerate(block.lines, block.line + 1):
            if line := raw.strip():
                self.line = i
                when, colon, sentence = line.partition(": ") if line.startswith("when ") else (
                    "", "", line)  # fmt: skip
                if when and not colon:
                    raise LessonError("a line of else is a sentence, or when CHECK: a sentence.")
                condition = self._expression(when.removeprefix("when ")) if when else None
                replies.append(Reply(self._text(sentence, i), condition))
        draft.parts[-1] = Task(task.text, task.line, task.check, tuple(replies))

    def _put_reveal(self, draft: _Draft, block: _Block) -> None:
        draft.parts.append(Reveal(self._text(block.text, block.line), block.line))

    def _put_measure(self, draft: _Draft, block: _Block) -> None:
        draft.parts.append(Measure(block.argument, *self._measure(block)))

    def _measure(self, block: _Block) -> tuple[Expression, int, tuple[float, float] | None]:
        """The expression of a measure, its line and its band."""
        lines = [line.strip() for line in block.lines if line.strip()]
        band = None
        if lines and (found := _BAND.fullmatch(lines[-1])):
            band = _finite(found[1]), _finite(found[2])
            lines.pop()
            if band[0] > band[1]:
                raise LessonError("the band begins above its end.")
        return self._expression(" ".join(lines)), block.line, band

    def _put_look(self, draft: _Draft, block: _Block) -> None:
        for i, raw in enumerate(block.lines, block.line + 1):
            self.line = i
            if line := raw.strip():
                kind, _, name = line.partition(" ")
                if kind not in LOOKS or not name.strip() or len(name) > 120:
                    raise LessonError(f"a line of look is one of {', '.join(LOOKS)} and a name.")
                draft.looks.append(Look(kind, name.strip(), i))  # type: ignore[arg-type]

    def _put_hint(self, draft: _Draft, block: _Block) -> None:
        draft.hints.append(self._text(block.text, block.line))
        if len(draft.hints) > MOST_HINTS:
            raise LessonError(f"a step has at most {MOST_HINTS} hints.")

    def _put_solution(self, draft: _Draft, block: _Block) -> None:
        draft.solution += self._actions(block)

    def _put_setup(self, draft: _Draft, block: _Block) -> None:
        draft.setup += self._actions(block)

    def _put_note(self, draft: _Draft, block: _Block) -> None:
        draft.notes.append(self._text(block.text, block.line))

    def _actions(self, block: _Block) -> list[Call]:
        found = []
        for i, raw in enumerate(block.lines, block.line + 1):
            self.line = i
            if line := raw.strip():
                call = parse_call(line, i)
                ACTIONS.bound(call)
                found.append(call)
        self.line = block.line
        if len(found) > MOST_ACTIONS:
            raise LessonError(f"a block has at most {MOST_ACTIONS} actions.")
        return found

    # -- texts --------------------------------------------------------------------------------

    def _expression(self, text: str) -> Expression:
        return parse(text, known_fact)

    def _plain(self, text: str) -> str:
        if _MARKUP.search(text):
            raise LessonError("links, pictures and HTML are not part of a lesson.")
        return text

    def _text(self, markdown: str, line: int) -> Text:
        """A passage; live numbers stand between braces, outside formulas and code."""
        self.line = line
        outside = _FORMULA.sub(lambda found: "\n" * found[0].count("\n"), markdown)
        self._plain(outside)
        lives: dict[str, Live] = {}
        for found in NUMBER_IN_TEXT.finditer(outside):
            self.line = line + outside.count("\n", 0, found.start())
            written, form = found[1], ""
            if split := _FORMAT.fullmatch(written):
                written, form = split[1], split[2]
            name = written.strip()
            if known := self.measures.get(name):
                lives[found[1]] = Live(known, form, name)
            else:
                lives[found[1]] = Live(self._expression(written), form)
        self.line = line
        return Text(markdown, line, lives)


def _entry(key: str, value: Any, kind: str) -> Any:
    """An entry of the front matter in its type; raises LessonError."""
    if kind == "str" and isinstance(value, str) and len(value) <= 2000:
        return value
    whole = type(value) is int and 0 <= value <= 10**6
    if kind == "int" and whole:
        return value
    listed = isinstance(value, list) and len(value) <= 100
    if kind.startswith("tuple") and listed and all(type(v) is str and len(v) <= 200 for v in value):
        return tuple(value)
    if kind.startswith("dict") and isinstance(value, dict):
        return value
    fits = {"str": "a text", "int": "a whole number up to a million", "dict": "a table"}
    fit = fits.get(kind.partition("[")[0], "a list of texts")
    raise LessonError(f"{key} is {fit}, not {quote(value)}.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise LessonError(f"{short(text)} is no finite number.")
    return number
