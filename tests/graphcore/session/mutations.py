"""Graph files as no editor writes them: presets with one to three things changed, by a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from graphcore import files, ops, presets

PRESETS = (
    "xor", "circle", "mlp", "lenet5", "tiny-conv", "lstm-rows", "vit-tiny", "gan-2d",
    "autoencoder", "linear-regression", "logistic-regression",
)  # fmt: skip
NUMBERS = (
    0, 1, 2, 3, 7, -1, -2, 0.5, 1e9, 2**15, 2**31, 2**40, 2**63, 2**64 + 1, 10**30, 1e300, -1e300,
    5e-324,
)  # fmt: skip
VALUES = (
    *NUMBERS, "NaN", "Infinity", "-Infinity", "", "nothing", None, True, [], [0], [-1], [1, 1],
    [2**40], [2**20, 2**20], [2**64], [[]], {}, [-1, -1], [1, 2, 3],
)  # fmt: skip
SETTINGS = (
    "dataset", "dataset_options", "normalization", "epochs", "batch", "optimizer", "lr",
    "schedule", "clip_norm", "l1", "l2", "patience", "augmentation", "objectives", "seed",
)  # fmt: skip

Record = dict[str, Any]


def mutated(seed: int) -> tuple[str, bytes]:
    """Return what was done to which preset, and the file."""
    draw = random.Random(seed)
    name = draw.choice(PRESETS)
    record = json.loads(files.dumps(presets.load(name)))
    done = [name]
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        change = draw.choice(CHANGES)
        done.append(f"{change.__name__[1:]}: {change(draw, record)}")
    return "; ".join(done), json.dumps(record).encode()


def _attribute(draw: random.Random, record: Record) -> str:
    node = draw.choice(record["nodes"])
    names = [a.name for a in ops.get(node["operator"]).attrs]
    if not names:
        return "none"
    name, value = draw.choice(names), draw.choice(VALUES)
    node.setdefault("attributes", {})[name] = value
    return f"{node['name']}.{name} = {value!r}"


def _setting(draw: random.Random, record: Record) -> str:
    name, value = draw.choice(SETTINGS), draw.choice(VALUES)
    record.setdefault("training", {})[name] = value
    return f"{name} = {value!r}"


def _number(draw: random.Random, record: Record) -> str:
    """A setting that takes a number gets one."""
    name, value = draw.choice(("l1", "l2", "lr", "batch", "epochs", "seed")), draw.choice(NUMBERS)
    record.setdefault("training", {})[name] = value
    return f"{name} = {value!r}"


def _operator(draw: random.Random, record: Record) -> str:
    node = draw.choice(record["nodes"])
    operator = draw.choice(ops.names())
    node["operator"] = operator
    for key in ("attributes", "initializers", "frozen", "subgraph"):
        node.pop(key, None)
    return f"{node['name']} is {operator}"


def _insertion(draw: random.Random, record: Record) -> str:
    """An operator with its defaults on an edge."""
    operator = draw.choice(ops.names())
    inputs, place = ops.get(operator).inputs, draw.randrange(len(record["edges"]))
    source, _, target = record["edges"][place].partition(" -> ")
    record["nodes"].append({"name": "put_in", "operator": operator})
    into = inputs[0] if inputs else "x"
    record["edges"][place] = f"{source} -> put_in.{into}"
    record["edges"].append(f"put_in.y -> {target}")
    return f"{operator} on {source} -> {target}"


def _edge(draw: random.Random, record: Record) -> str:
    """An edge comes from elsewhere."""
    place, other = (draw.randrange(len(record["edges"])) for _ in range(2))
    source = record["edges"][other].partition(" -> ")[0]
    record["edges"][place] = f"{source} -> {record['edges'][place].partition(' -> ')[2]}"
    return record["edges"][place]


def _removal(draw: random.Random, record: Record) -> str:
    node = draw.choice(record["nodes"])
    record["nodes"].remove(node)
    record["edges"] = [
        e for e in record["edges"]
        if node["name"] not in [end.partition(".")[0] for end in e.split(" -> ")]
    ]  # fmt: skip
    return node["name"]


def _loss(draw: random.Random, record: Record) -> str:
    """Another loss, or one that gets its shapes from elsewhere."""
    losses = [n for n in record["nodes"] if ops.get(n["operator"]).category == "loss"]
    if not losses:
        return "none"
    node = draw.choice(losses)
    node["operator"] = draw.choice([n for n in ops.names() if ops.get(n).category == "loss"])
    node.pop("attributes", None)
    return node["operator"]


CHANGES: tuple[Callable[[random.Random, Record], str], ...] = (
    _attribute, _attribute, _attribute, _setting, _number, _operator, _insertion, _edge, _removal,
    _loss,
)  # fmt: skip
