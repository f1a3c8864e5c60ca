"""Damaged and hostile lessons by the hundred: each is read, or refused in one sentence.

    python tests/bench/hostile_lessons.py [--files N] [--seed S]

Prints how many were read, refused and how long the slowest took; anything but a LessonError, a
sentence of more than 300 characters, or more than two seconds of computing is a failure.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator

from graphcore.errors import LessonError
from graphcore.lessons.checking import check_lesson
from graphcore.lessons.courses import shipped
from graphcore.lessons.reader import parse_lesson

HEAD = '+++\ntitle = "x"\ngraph = "perceptron"\n+++\n'
STEP = HEAD + "## One\n```do\nx\n```\n```check\n{}\n```\n```solution\nreset()\n```\n"
TEXT = HEAD + "## One\n{}\n"
EXPRESSIONS = (
    "(" * 390, "[" * 390, "not " * 99 + "1", "-" * 398 + "1", "9" * 399, "1e999", "9**9**9**9",
    "'" * 398, '"' + "a" * 396 + '"', "epoch()" + "+epoch()" * 40, "a.b.c", "x[0]", "lambda: 0",
    "__import__('os')", "open('/etc/passwd')", "().__class__", "exec('1')", "print(1)",
    "[0 for _ in range(10)]", "{1: 2}", "f'{1}'", "1 if 1 else 2", "(a := 1)", "*a", "yield 1",
    "value('y', 1e300)", "value('y', -1)", "value('" + "n" * 380 + "')", "value(value('y'))",
    "value('../x')", "value('y', first=1)", "share_of_starts(100000000, 1)", "epoch() == epoch",
    "1j", "None", "...", "b'x'", "1 @ 2", "1 << 99999", "~1", "1 in 2", "1 is 1", "await x",
    "value('\\N{BULLET}')", "value('\u202e')", "\u0000", "\u2028", "value(node='y')", "#", "\\",
    "value('y') > 0.5 or " * 20 + "1", "sure_of_noise(1)", "accuracy('test', 'train')",
)  # fmt: skip
HEADERS = (
    'graph = "../../etc/passwd"', 'graph = "/etc/passwd"', 'graph = "a/b.graph.json"',
    'graph = "C:\\\\x.json"', 'graph = "nobody"', 'graph = "no.graph.json"', "graph = 3",
    'layers = "784-' + "9" * 500 + '"', 'layers = "' + "-".join(["9"] * 900) + '"', 'layers = ""',
    'layers = "784-99999999999"', 'formula = "' + "(" * 900 + '"', 'formula = "import os"',
    'formula = "x = 9**9**9**9"', "x = " + "[" * 4000, "x = " + "{a=" * 1500, "x = 1e400",
    "title = 3", "minutes = -1", "minutes = 1e9", "minutes = " + "9" * 4000, "concepts = [[[]]]",
    "settings = 3", 'settings = {lr = "fast"}', "settings = {epochs = -1}",
    "settings = {batch = 0}",
    'settings = {dataset = "/etc"}', "settings = {nothing = 1}", "settings = {lr = nan}",
    "settings = {seed = -5}",
    'settings = {dataset = "csv", dataset_options = {path = "/etc/passwd"}}',
    "a.b.c.d = 1", "[[x]]", "[settings]\nlr = inf", "seed = 99999999999", 'panels = ["a"',
)  # fmt: skip
BODIES = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](file:///etc/passwd)",
    "[x](javascript:alert(1))", "[x](http://evil.example)", "{__import__('os')}", "{" * 5000,
    "{" + "a" * 190 + "}", "{1/0}", "{value('nobody')}", "$" * 5000, "$\\frac{1}{", "`" * 5000,
    "```predict\nx\n```", "```predict a\n```", "```predict a\nx\n(x) y\n```",
    "```predict a\nx\n" + "( ) y\n" * 500 + "```", "```predict a\nx\n= 1 +- " + "9" * 400 + "\n```",
    "```measure m\nvalue('y')\n1e999 .. 2e999\n```", "```measure m\n1 .. 2\n```",
    "```measure m\n```",
    "```look\nnode " + "n" * 5000 + "\n```", "```look\nfile /etc/passwd\n```", "```python\nx\n```",
    "```solution\n__import__('os')\n```", "```solution\ntrain(epochs=1000000000)\n```",
    "```solution\nopen('/etc/passwd')\n```", "```solution\n" + "reset()\n" * 5000 + "```",
    "```solution\nset('lr', 'x', 'y')\n```", "```hint\n", "~~~\n", "```" * 3000, "## " * 3000,
    "## \n", "```else\nx\n```", "```check\nepoch()\n```", "```do\nx\n```", "\u202e" * 1000,
    "```setup\nopen('nobody')\n```", "```setup\ntrain(steps=10)\n```",
    "```setup\nweight('x', 0, 1)\n```",
    "```setup\nattribute('neuron', 'out_features', 99999999999)\n```",
    "```setup\ninput('x', " + "[" * 15 + "1" + "]" * 15 + ")\n```",
    "```setup\nadd('Linear', after='nobody', out_features=3)\n```",
    "```setup\nset('dataset', 'image-folder')\n```", "```setup\noption('path', '/etc/passwd')\n```",
    "```setup\ninitializer('neuron.weight', 'open(1)')\n```",
)  # fmt: skip


def written() -> Iterator[bytes]:
    """Files that were written to do harm."""
    yield from (STEP.replace("{}", text).encode("utf-8", "replace") for text in EXPRESSIONS)
    for line in HEADERS:
        named = "" if line.startswith(("graph", "layers", "formula")) else 'graph = "perceptron"\n'
        title = "" if line.startswith("title") else 'title = "x"\n'
        yield f"+++\n{title}{named}{line}\n+++\n## One\ntext\n".encode()
    yield from (TEXT.replace("{}", text).encode("utf-8", "replace") for text in BODIES)
    yield from (b"", b"+++", b"\xff\xfe", b"\x00" * 1000, b"+++\n" * 5000, b"a" * 300_000,
                "﻿+++\n".encode())  # fmt: skip


def damaged(seed: int) -> Iterator[bytes]:
    """Lessons that ship, each damaged in one place: cut, doubled, swapped, overwritten."""
    draw = random.Random(seed)
    texts = [p.read_bytes() for p in sorted(shipped().glob("*.lesson.md"))]
    while True:
        data = bytearray(draw.choice(texts))
        at, length = draw.randrange(len(data)), draw.randrange(1, 40)
        end, put = draw.choice((
            (at + length, b""), (len(data), b""), (at, bytes(data[at : at + length]) * 20),
            (at + length, draw.randbytes(length)), (at + 1, draw.choice((b"(", b'"', b"`", b"{"))),
        ))  # fmt: skip
        data[at:end] = put
        yield bytes(data)


def refusal(data: bytes, play: bool = True) -> str:
    """Why a file was refused, or what was wrong in playing it; "" if nothing was."""
    try:
        lesson = parse_lesson(data, "hostile.lesson.md")
    except LessonError as error:
        return str(error)
    faults = check_lesson(lesson, bands=False).faults if play else []
    return faults[0] if faults else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    hostile, more = list(written()), damaged(options.seed)
    files = hostile + [next(more) for _ in range(max(0, options.files - len(hostile)))]
    refused, slowest, failures = 0, 0.0, 0
    for i, data in enumerate(files):
        begun = time.process_time()
        try:
            said = refusal(data, play=i < len(hostile))
        except Exception as error:
            print(f"FAILED {i}: {error!r} for {data[:200]!r}")
            failures += 1
            continue
        took = time.process_time() - begun
        slowest = max(slowest, took)
        if len(said) > 400 or "\n" in said or took > 2 + 3 * (i < len(hostile)):
            print(f"FAILED {i}: {took:.1f} s, {said!r} for {data[:200]!r}")
            failures += 1
        refused += bool(said)
    print(f"{len(files)} files: {refused} refused in a sentence, {len(files) - refused} read, "
          f"{failures} failures, the slowest took {slowest:.2f} s of computing.")  # fmt: skip
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
