"""Small data sets made by rule, with names for their columns: what the courses begin with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from graphcore.datasets.playground import SAMPLES
from graphcore.datasets.registry import TARGETS, TRAIN_SHARE, Option, Request, Samples, dataset
from graphcore.errors import DataError

_FUNCTIONS = {
    "sine": lambda x: np.sin(2 * x),
    "cubic": lambda x: x**3 / 9 - x,
    "step": lambda x: (x > 0).astype(float),
    "bump": lambda x: np.exp(-2 * x**2),
}
_SHARE = replace(TRAIN_SHARE, default=0.8)
MOST_NUMBERS = 1 << 23
"""Of all samples that are made up."""


@dataset(
    "will-pass", "Will I pass?", classes=("fails", "passes"),
    options=(Option("luck", 0.5, "Standard deviation of what else decides.", 0.0, 5.0),
             _SHARE, replace(SAMPLES, default=200), TARGETS),
)  # fmt: skip
def will_pass(request: Request) -> Samples:
    """Students who pass an exam, by the hours they have studied and slept.

    Made by rule: one passes if 0.6 * studied + 0.4 * slept + luck > 5.4, with luck normal.
    """
    n, rng = request.options["samples"], request.rng
    studied, slept = rng.uniform(0, 10, n), rng.uniform(3, 10, n)
    points = 0.6 * studied + 0.4 * slept + request.options["luck"] * rng.normal(size=n)
    return Samples(
        np.stack([studied, slept], 1), (points > 5.4).astype(np.int64),
        columns=("hours studied", "hours slept"), target="result",
    )  # fmt: skip


@dataset(
    "house-prices", "House prices", task="regression", shape=(3,),
    options=(Option("noise", 15_000.0, "Standard deviation of the price, in €.", 0.0, 1e6),
             _SHARE, replace(SAMPLES, default=200)),
)  # fmt: skip
def house_prices(request: Request) -> Samples:
    """Prices of houses by floor area, number of rooms and age, on very different scales.

    Made by rule: price = 40,000 + 2,400 * area + 12,000 * rooms - 900 * age, in €, with normal
    noise. Without normalisation of inputs and targets descent needs a tiny rate.
    """
    n, rng = request.options["samples"], request.rng
    area, age = rng.uniform(40, 200, n).round(), rng.integers(0, 90, n)
    rooms = np.clip(np.round(area / 28 + rng.normal(0, 0.8, n)), 1, None)
    price = 40_000 + 2_400 * area + 12_000 * rooms - 900 * age
    price = price + request.options["noise"] * rng.normal(size=n)
    return Samples(
        np.stack([area, rooms, age], 1), np.round(price / 100)[:, None] * 100,
        columns=("area (m²)", "rooms", "age (years)"), target="price (€)",
    )  # fmt: skip


@dataset(
    "function", "A function of one number", task="regression", shape=(1,),
    options=(Option("curve", "sine", "sin(2x), x³/9 - x, a step at 0, or exp(-2x²).",
                    choices=tuple(_FUNCTIONS)),
             Option("noise", 0.1, "Standard deviation of y around the curve.", 0.0, 5.0),
             _SHARE, replace(SAMPLES, default=200)),
)  # fmt: skip
def function(request: Request) -> Samples:
    """Points around a curve y = f(x), with x uniform in [-3, 3] and normal noise: to be fitted."""
    o, n = request.options, request.options["samples"]
    x = request.rng.uniform(-3, 3, (n, 1))
    y = _FUNCTIONS[o["curve"]](x) + o["noise"] * request.rng.normal(size=(n, 1))
    return Samples(x, y, columns=("x",), target="y")


@dataset(
    "remember", "Remember the first", shape=None, classes=("−1", "+1"),
    options=(Option("length", 8, "Numbers in a sequence.", 2, 200),
             _SHARE, replace(SAMPLES, default=1000)),
)  # fmt: skip
def remember(request: Request) -> Samples:
    """Sequences of -1 and +1 drawn at random; the class is the first number of each.

    The longer the sequence, the further back a recurrent net has to look: where the gradient
    vanishes on the way, it learns nothing.
    """
    n, length = request.options["samples"], request.options["length"]
    bits = request.rng.integers(0, 2, (n, length, 1))
    return Samples(2.0 * bits - 1, bits[:, 0, 0])


WORDS = ("red", "green", "blue", "cat", "dog", "fish", "eats", "runs", "sleeps")
"""Three colours, three animals, three verbs."""


@dataset(
    "next-word", "The next word", shape=(1,), classes=WORDS,
    options=(_SHARE, replace(SAMPLES, default=600)),
)  # fmt: skip
def next_word(request: Request) -> Samples:
    """Words of sentences such as "red cat runs"; the class is the word that comes next.

    Words are numbers: 0 to 2 red, green, blue; 3 to 5 cat, dog, fish; 6 to 8 eats, runs, sleeps.
    Behind a colour stands any of the animals, behind an animal any verb, behind a verb the colour
    that begins the next sentence. So nothing is surer than 1 in 3, a loss of log 3 = 1.0986.
    """
    n, rng = request.options["samples"], request.rng
    words = rng.integers(0, len(WORDS), n)
    following = (words // 3 + 1) % 3 * 3 + rng.integers(0, 3, n)
    return Samples(words[:, None], following, columns=("word",))


SIDE, MOVE = 16, (1, 2)
"""Pixels of a picture's side; rows and columns by which a figure moves to the next picture."""


@dataset(
    "figures", "Squares and crosses", task=None, shape=(1, SIDE, SIDE), classes=None,
    options=(Option("ask", "class", "class: which figure it is; box: left, top, right and bottom "
                    "from 0 to 1; mask: a class for each pixel, of two figures; next: the picture "
                    "that comes next.", choices=("class", "box", "mask", "next")),
             Option("noise", 0.1, "Standard deviation of each pixel.", 0.0, 2.0),
             _SHARE, replace(SAMPLES, default=600)),
)  # fmt: skip
def figures(request: Request) -> Samples:
    """Pictures of 16 x 16 pixels with a square or a cross of 5 to 8 pixels somewhere.

    The same pictures can be asked what is there, where it is, which pixels belong to it (0
    background, 1 square, 2 cross), or what comes next: there the figure is 1 row lower and 2
    columns further right.
    """
    o, n = request.options, request.options["samples"]
    ask, rng = o["ask"], request.rng
    masks = np.zeros((n, SIDE, SIDE), np.int64)
    for _ in range(2 if ask == "mask" else 1):
        kinds, boxes = rng.integers(0, 2, n), _boxes(n, rng)
        for mask, kind, box in zip(masks, kinds, boxes, strict=True):
            _draw(mask, int(kind), box)
    clean = (masks > 0).astype(np.float32)[:, None]
    inputs = clean + o["noise"] * rng.normal(size=clean.shape)
    if ask == "class":
        return Samples(inputs, kinds, classes=("square", "cross"))
    targets = {"box": boxes / SIDE, "mask": masks, "next": np.roll(clean, MOVE, (2, 3))}[ask]
    return Samples(inputs, targets, classes=())


def _boxes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Left, top, right and bottom in pixels, shape (n, 4), with room for the move."""
    side = rng.integers(5, 9, count)
    left, top = (rng.integers(0, SIDE + 1 - side - room) for room in reversed(MOVE))
    return np.stack([left, top, left + side, top + side], 1)


def _draw(mask: np.ndarray, kind: int, box: np.ndarray) -> None:
    """Put a square (0) or a cross (1) into the classes of a picture's pixels."""
    left, top, right, bottom = map(int, box)
    if kind == 0:
        mask[top:bottom, left:right] = 1
        return
    arm = (right - left - 1) // 2
    mask[top:bottom, left + arm : right - arm] = 2
    mask[top + arm : bottom - arm, left:right] = 2


@dataset(
    "random", "Random numbers", task=None, shape=None, classes=None,
    options=(Option("shape", "8", "Shape of one sample, such as 3x32x32."),
             Option("below", 0, "Whole numbers below this; 0 is numbers with mean 0.", 0, 1 << 20),
             Option("spread", "normal", "normal: mean 0; even: from 0 to 1, as pictures are.",
                    choices=("normal", "even")),
             Option("classes", 2, "Classes, drawn at random too; 0 is a number.", 0, 100_000),
             _SHARE, replace(SAMPLES, default=256)),
)  # fmt: skip
def random(request: Request) -> Samples:
    """Samples of any shape with nothing to be learned from them.

    They stand in for data that have not been chosen yet: a net can be run and looked at.
    """
    o, rng, n = request.options, request.rng, request.options["samples"]
    shape = _shape(o["shape"])
    if n * math.prod(shape) > MOST_NUMBERS:
        n = max(2, MOST_NUMBERS // math.prod(shape))
    inputs: np.ndarray
    if o["below"]:
        inputs = rng.integers(0, o["below"], (n, *shape))
    elif o["spread"] == "even":
        inputs = rng.random((n, *shape), np.float32)
    else:
        inputs = rng.normal(size=(n, *shape)).astype(np.float32)
    if o["classes"]:
        names = tuple(map(str, range(o["classes"])))
        return Samples(inputs, rng.integers(0, o["classes"], n), classes=names)
    return Samples(inputs, rng.normal(size=(n, 1)), classes=())


def _shape(text: str) -> tuple[int, ...]:
    """Read ``3x32x32``; raises DataError."""
    sizes = [part.strip() for part in text.split("x")]
    if not all(part.isdecimal() and 0 < len(part) < 9 and int(part) for part in sizes):
        raise DataError(f"The option 'shape' is written as in 3x32x32, not {text[:40]!r}.")
    shape = tuple(map(int, sizes))
    if math.prod(shape) > MOST_NUMBERS // 2:
        raise DataError(f"Samples of the shape {text[:40]} are too large to make up.")
    return shape
