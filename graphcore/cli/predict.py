"""``gradscape predict``: a net's answers to raw rows and pictures."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from typing import Any

from graphcore.cli import train as train_cli
from graphcore.scripting.predict import predict
from graphcore.training.answers import Answer

CLASS = "p:"
"""In front of the name of a class, as a column of its probability."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``predict``."""
    parser.add_argument("net", metavar="RUN|FILE",
                        help="folder of a run, saved runs, graph file, preset, or another "
                        "program's net")  # fmt: skip
    parser.add_argument("data", metavar="DATA",
                        help="table, picture, folder of pictures or .npy file")  # fmt: skip
    parser.add_argument("--weights", metavar="FILE", help="state dict that the net takes")
    parser.add_argument("--classes", metavar="FILE", help="names of the classes, one on each line")
    parser.add_argument("--top", metavar="K", type=_count, default=1,
                        help="print the K likeliest classes")  # fmt: skip
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object")
    how.add_argument("--csv", action="store_true", help="print a table")


def answer(options: argparse.Namespace) -> int:
    """Print an answer for every sample."""
    answers = predict(options.net, options.data, weights=options.weights, classes=options.classes)
    if options.json:
        print(json.dumps({"predictions": [_fields(a) for a in answers]}))
    elif options.csv:
        _write_csv(answers)
    else:
        width = max(len(a.sample) for a in answers)
        for a in answers:
            sure = "" if a.probability is None else f"  {a.probability:.1%}"
            print(f"{a.sample:<{width}}  {_shown(a.answer)}{sure}")
            for name, share in a.top(options.top)[1:]:
                print(f"{'':<{width}}  {name}  {share:.1%}")
    return train_cli.DONE


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"a whole number from 1 up, not {text!r}")
    return int(text)


def _fields(a: Answer) -> dict[str, Any]:
    return {
        "sample": a.sample, "answer": a.answer, "probability": a.probability,
        "probabilities": a.probabilities,
    }  # fmt: skip


def _shown(answer: str | float | list[float]) -> str:
    if isinstance(answer, list):
        return " ".join(f"{value:.6g}" for value in answer)
    return answer if isinstance(answer, str) else f"{answer:.6g}"


def _write_csv(answers: list[Answer]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    classes = list(answers[0].probabilities)
    several = isinstance(answers[0].answer, list)
    count = len(answers[0].answer) if isinstance(answers[0].answer, list) else 1
    named = [f"answer {i + 1}" for i in range(count)] if several else ["answer"]
    sure = ["probability"] if classes else []
    writer.writerow(["sample", *named, *sure, *(CLASS + c for c in classes)])
    for a in answers:
        values = a.answer if isinstance(a.answer, list) else [a.answer]
        shares = [a.probability, *a.probabilities.values()] if classes else []
        writer.writerow([a.sample, *values, *shares])
