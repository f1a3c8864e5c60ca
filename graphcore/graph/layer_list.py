"""Nets typed as a line of layers: ``784-128-relu-10`` or ``conv 8 5 | relu | pool 2 | 10``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import msgspec

from graphcore import ops
from graphcore.errors import ExpressionError
from graphcore.graph.drawing.layers import layout
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings

_IMAGE = (1, 28, 28)
_SHORT_CONV = re.compile(r"(\d+)c(\d+)")
_SHORT_SHAPE = re.compile(r"\d+(?:[x×]\d+){1,3}")
_SHORT_POOL = re.compile(r"p(\d+)")
EXAMPLES = ("784-128-relu-10", "conv 8 5 | relu | pool 2 | flatten | 10", "2-8-tanh-1")
_EXAMPLE = f"write for example {EXAMPLES[0]} or {EXAMPLES[1]}"


def parse_layers(text: str, numbers: bool | None = None) -> Graph:
    """The graph of a list of layers, from an Input to its loss, laid out.

    Layers are parted by ``-``, ``|`` or commas: a number or ``dense 128`` (also fc, linear),
    ``conv 8 5 [stride 2] [pad 2]`` or ``8c5``, ``pool 2`` or ``p2``, ``avgpool 2``, ``flatten``,
    ``dropout 0.5``, ``bn`` and the name of any activation. A number that stands first is the size
    of the input (784 is an MNIST image, flattened); without one the input is a 1 x 28 x 28 image,
    or what ``input 3 32 32`` or ``3x32x32`` says; ``5x5`` is an image of one channel. The loss
    follows from the end: a single output is the score of the second of two classes
    (BCEWithLogitsLoss) for two inputs or before a sigmoid, else a number (MSELoss); several are
    scores of classes (CrossEntropyLoss). A softmax or sigmoid at the end is drawn beside the loss,
    which takes the scores.

    Args:
        numbers: whether the data's targets are numbers; None if nothing is known of the data.

    Raises:
        ExpressionError: a word was not understood; the message names it.
    """
    layers = [words for part in re.split(r"[-|,\n→]+", text.lower()) if (words := part.split())]
    if not layers:
        raise ExpressionError(f"There are no layers; {_EXAMPLE}.")
    builder = _Builder(_input_shape(layers))
    for words in layers:
        builder.add(words)
    return builder.finish(numbers)


def _input_shape(layers: list[list[str]]) -> tuple[int, ...]:
    """Shape of the input; the layer that says it is taken from the list."""
    head, *numbers = layers[0]
    if head in ("input", "in"):
        del layers[0]
        if not numbers:
            raise ExpressionError("input needs its size, as in input 3 32 32.")
        return tuple(_whole(n, "input") for n in numbers)
    if _SHORT_SHAPE.fullmatch(head) and not numbers and len(layers) > 1:
        del layers[0]
        shape = tuple(_whole(n, "input") for n in re.split("[x×]", head))
        return (1, *shape) if len(shape) == 2 else shape
    if head.isdecimal() and not numbers and len(layers) > 1:
        del layers[0]
        size = _whole(head, "The input")
        return _IMAGE if size == 784 else (size,)
    return _IMAGE


class _Builder:
    """Appends layers to a chain."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.graph = Graph()
        self.last = self.graph.add("Input", name="x", shape=shape)
        self.is_image = len(shape) > 1
        self._count: Counter[str] = Counter()

    def add(self, words: list[str]) -> None:
        """Append one layer; raises ExpressionError."""
        head, rest = words[0], words[1:]
        if short := _SHORT_CONV.fullmatch(head):
            head, rest = "conv", [short[1], short[2], *rest]
        elif short := _SHORT_POOL.fullmatch(head):
            head, rest = "pool", [short[1], *rest]
        elif head.isdecimal():
            head, rest = "dense", words
        make = _LAYERS.get(head)
        if make is not None:
            make(self, rest)
            return
        operator = _activation(head)
        if rest:
            raise ExpressionError(f"{head} takes no number, got {' '.join(rest)!r}.")
        self.append(operator, head if head.isidentifier() else operator.lower())

    def append(self, operator: str, name: str, **attributes: object) -> None:
        """Append a node; the name gets a number."""
        self._count[name] += 1
        node = self.graph.add(operator, name=f"{name}{self._count[name]}", **attributes)
        self.graph.connect(self.last, node)
        self.last = node

    def finish(self, numbers: bool | None) -> Graph:
        """Add target and loss, and lay out."""
        graph, scores = self.graph, self._scores()
        target = graph.add("Target", name="target")
        loss = graph.add(self._loss(scores, numbers), name="loss")
        answer = self.last if loss.operator == "MSELoss" else scores
        graph.connect(answer, loss, input="x")
        graph.connect(target, loss, input="target")
        for name, position in layout(graph).items():
            graph.update(name, position=position)
        return graph

    def _scores(self) -> Node:
        """What the loss takes: a loss of classes has a softmax or sigmoid of its own."""
        if self.last.operator not in ("Softmax", "Sigmoid"):
            return self.last
        return self.graph.node(self.graph.edges_into(self.last)[0].source)

    def _loss(self, scores: Node, numbers: bool | None) -> str:
        """The loss for what the net ends with."""
        single = scores.attributes.get("out_features") == 1
        if single and numbers is None:
            plane = self.graph.node("x").attributes["shape"] == (2,)
            numbers = not (plane or self.last is not scores)
        if numbers:
            return "MSELoss"
        return "BCEWithLogitsLoss" if single else "CrossEntropyLoss"


def _dense(builder: _Builder, words: list[str]) -> None:
    size = _numbers(words, "dense", 1)[0]
    if builder.is_image:
        _flatten(builder, [])
    builder.append("Linear", "fc", out_features=size)


def _conv(builder: _Builder, words: list[str]) -> None:
    options = {"stride": "stride", "pad": "padding", "padding": "padding"}
    plain, named, i = list[str](), dict[str, int](), 0
    while i < len(words):
        if words[i] in options:
            lowest = 0 if options[words[i]] == "padding" else 1
            named[options[words[i]]] = _whole("".join(words[i + 1 : i + 2]), words[i], lowest)
            i += 1
        else:
            plain.append(words[i])
        i += 1
    _need_image(builder, "conv")
    channels, kernel = _numbers(plain, "conv", 2)
    builder.append("Conv2d", "conv", out_channels=channels, kernel_size=kernel, **named)


def _pool(operator: str, name: str) -> Callable[[_Builder, list[str]], None]:
    def pool(builder: _Builder, words: list[str]) -> None:
        _need_image(builder, name)
        builder.append(operator, name, kernel_size=_numbers(words or ["2"], name, 1)[0])

    return pool


def _flatten(builder: _Builder, words: list[str]) -> None:
    _numbers(words, "flatten", 0)
    builder.append("Flatten", "flatten")
    builder.is_image = False


def _dropout(builder: _Builder, words: list[str]) -> None:
    try:
        p = float(words[0]) if len(words) == 1 else 0.5 if not words else -1.0
    except ValueError:
        p = -1.0
    if not 0.0 <= p <= 1.0:
        raise ExpressionError(f"dropout takes a number from 0 to 1, got {' '.join(words)!r}.")
    builder.append("Dropout", "dropout", p=p)


def _batch_norm(builder: _Builder, words: list[str]) -> None:
    _numbers(words, "bn", 0)
    operator = "BatchNorm2d" if builder.is_image else "BatchNorm1d"
    if operator not in ops.names():
        raise ExpressionError("bn needs an image: put it before flatten.")
    builder.append(operator, "bn")


_LAYERS: dict[str, Callable[[_Builder, list[str]], None]] = {
    "dense": _dense,
    "fc": _dense,
    "linear": _dense,
    "conv": _conv,
    "conv2d": _conv,
    "pool": _pool("MaxPool2d", "pool"),
    "maxpool": _pool("MaxPool2d", "pool"),
    "avgpool": _pool("AvgPool2d", "avgpool"),
    "flatten": _flatten,
    "dropout": _dropout,
    "bn": _batch_norm,
    "batchnorm": _batch_norm,
}


def _activation(word: str) -> str:
    """The activation of that name or alias; raises ExpressionError."""
    found = [op for op in ops.all_operators() if op.category == "activation"]
    for op in found:
        if word == op.name.lower() or word in op.aliases:
            return op.name
    known = ", ".join((*_LAYERS, *(op.name.lower() for op in found)))
    raise ExpressionError(f"{word[:20]!r} is not a layer; there are a number, {known}.")


def _numbers(words: list[str], what: str, count: int) -> list[int]:
    if len(words) != count:
        wanted = {0: "no number", 1: "one number"}.get(count, f"{count} numbers")
        raise ExpressionError(f"{what} takes {wanted}, got {' '.join(words) or 'none'}.")
    return [_whole(w, what) for w in words]


def _whole(word: str, what: str, lowest: int = 1) -> int:
    if not word.isdecimal() or len(word) > 9 or int(word) < lowest:
        raise ExpressionError(f"{what} takes a whole number from {lowest} up, got {word[:20]!r}.")
    return int(word)


def _need_image(builder: _Builder, what: str) -> None:
    if not builder.is_image:
        raise ExpressionError(f"{what} needs an image, but the values are flat by then.")


HIDDEN_UNITS = 16
"""Of a net that is made for data."""
EPOCHS, BATCH = 50, 16
"""In which a few hundred samples are learned: three epochs of thirty rows are nothing."""


def quickly(training: TrainingSettings) -> TrainingSettings:
    """Return settings by which a small net learns a few hundred samples within seconds."""
    return msgspec.structs.replace(training, lr=0.01, batch=BATCH, epochs=EPOCHS)


def net_for(input_shape: tuple[int, ...], classes: int, training: TrainingSettings) -> Graph:
    """Return a net of one hidden layer, or of one convolution for images, with its loss.

    Args:
        classes: how many the data have; 0 where the answer is a number.
        training: settings that name the data; rate, batch and epochs are ``quickly``'s.
    """
    outputs = classes or 1
    if len(input_shape) == 3 and min(input_shape[1:]) >= 8:
        shape = " ".join(map(str, input_shape))
        text = f"input {shape} | conv 8 5 | relu | pool 2 | flatten | {outputs}"
    elif len(input_shape) == 1:
        text = f"{input_shape[0]}-{HIDDEN_UNITS}-relu-{outputs}"
    else:
        shape = " ".join(map(str, input_shape or (1,)))
        text = f"input {shape} | flatten | {HIDDEN_UNITS} | relu | {outputs}"
    graph = parse_layers(text, numbers=not classes)
    graph.set_training(quickly(training))
    return graph
