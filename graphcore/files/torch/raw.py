"""The part of a PyTorch script that takes raw samples, and what its self-test asks of it."""

from __future__ import annotations

import json
import math
import pprint
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphcore import ops
from graphcore.datasets.images.pixels import MODES
from graphcore.datasets.learned import Learned, Scale, learned
from graphcore.datasets.raw import read_raw
from graphcore.late import torch
from graphcore.training.answers import answers_of, class_list
from graphcore.training.class_shares import shares_of
from graphcore.training.trainer import Trainer

MOST_NUMBERS, SAMPLES = 4096, 8
"""Numbers and samples that the self-test asks for by way of ``predict``."""


@dataclass(frozen=True)
class Wording:
    """How a framework writes what is done to raw samples.

    Attributes:
        prepare: kind of data -> source of ``prepare``; "FED" is the shape of what the net takes.
        predict: source of ``predict``, filled with ``scores`` and ``answers``.
        answers: kind of answer -> how scores become answers.
    """

    prepare: Mapping[str, str]
    predict: str
    answers: Mapping[str, str]


class RawPart:
    """What a script says of raw samples.

    Args:
        trainer: of the net that is written.

    Attributes:
        known: what was learned about the data.
        several: whether ``forward`` gives more than the answer.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer, self.known = trainer, learned(trainer.data)
        self._scores = self._run(self._raw())

    def _raw(self) -> Any:
        """Some test samples as people have them: rows by column, or numbers."""
        known, data = self.known, self._trainer.data
        count = max(1, min(SAMPLES, MOST_NUMBERS // max(1, math.prod(known.input_shape))))
        inputs = data.normalization.invert(data.test.inputs[:count])
        if not known.columns:
            return inputs.tolist()
        return [_row(sample, known) for sample in inputs.tolist()]

    def _run(self, raw: Any) -> tuple[Any, np.ndarray]:
        trainer, binding = self._trainer, self._trainer.binding
        samples = read_raw(raw, self.known)
        x = samples.inputs.reshape(len(samples.inputs), *trainer.input_shape)
        _, t = trainer.tensors(trainer.data.test, 1)
        plan = trainer.looking_plan()
        plan.forward(binding.feeds(x, t.expand(len(x), *t.shape[1:])))
        return raw, plan.value(binding.output).cpu().numpy()

    def predictions(self) -> str:
        """Return raw samples and the answers to them, as JSON."""
        raw, scores = self._scores
        found = answers_of(scores, self.known, self._trainer.binding, [""] * len(scores))
        told = [{"answer": a.answer, "probabilities": a.probabilities} for a in found]
        return json.dumps({"raw": raw, "answers": told})

    def text(self, scores: str, wording: Wording) -> str:
        """Return the source of ``prepare`` and ``predict``.

        Args:
            scores: source of the net's answer to ``prepare(raw)``.
        """
        known = self.known
        form = "table" if known.columns else "image" if known.image else "numbers"
        kind, classes = self._kind(self._scores[1])
        constants = {
            "CLASSES": classes, "SHAPE": tuple(known.input_shape),
            "SHIFT": _numbers(known.normalization, "shift"),
            "SCALE": _numbers(known.normalization, "scale"),
        }  # fmt: skip
        if form == "table":
            constants["COLUMNS"] = {c.name: list(c.words) for c in known.columns}
        if known.image:
            size = (known.image.height, known.image.width)
            constants["PICTURE"] = (*size, MODES[known.image.color])
        if kind == "numbers":
            constants["TARGET"] = (
                _numbers(known.target_scale, "shift"), _numbers(known.target_scale, "scale")
            )  # fmt: skip
        lines = "".join(f"{name} = {_source(value)}\n" for name, value in constants.items())
        shape = tuple(self._trainer.input_shape)
        return "".join((
            _DATA.format(lines=lines), wording.prepare[form].replace("FED", repr((-1, *shape))),
            wording.predict.format(scores=scores, answers=wording.answers[kind]),
        ))  # fmt: skip

    def _kind(self, scores: np.ndarray) -> tuple[str, list[str]]:
        """How scores become answers, and the names of the classes."""
        binding, coding = self._trainer.binding, self.known.coding
        if not binding.target or coding == "numbers":
            return "numbers", []
        if scores.ndim == 2 and scores.shape[1] > 1:
            made = shares_of(torch.from_numpy(scores), binding.loss_kind)
            return made, list(class_list(self.known, scores.shape[1]))
        pair = list(class_list(self.known, 2))
        if ops.get(binding.loss_kind).answers == "logit":
            return "logit", pair
        return ("sign" if coding == "signs" else "share"), pair


def _row(sample: list[float], known: Learned) -> dict[str, Any]:
    row, at = {}, 0
    for column in known.columns:
        width = max(1, len(column.words))
        part, at = sample[at : at + width], at + width
        row[column.name] = column.words[int(np.argmax(part))] if column.words else part[0]
    return row


def _numbers(scale: Scale, name: str) -> Any:
    return getattr(scale.normalization, name).tolist()


def _source(value: Any) -> str:
    """A value as Python source: numbers and quoted text, nothing else."""
    return pprint.pformat(value, width=96, sort_dicts=False)


_DATA = """
# What was learned about the data, on the training samples alone.
{lines}"""

_SCALED = """    x = (x - torch.tensor(SHIFT, dtype=x.dtype)) / torch.tensor(SCALE, dtype=x.dtype)
    return x.float().reshape(FED)
"""

ROWS_FED = '''

def prepare(rows):
    """Rows, each a dictionary with the columns of COLUMNS, as the net takes them."""
    fed = []
    for row in rows:
        values = []
        for column, words in COLUMNS.items():
            if words and row[column] not in words:
                raise ValueError(f"{column}: {row[column]!r} is none of {words}")
            values += [float(row[column] == w) for w in words] if words else [float(row[column])]
        fed.append(values)
'''
"""How a script of any program makes numbers of the rows of a table."""
PICTURE_OPENED = """    from PIL import Image, ImageOps

    height, width, mode = PICTURE
    with Image.open(path, formats=("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")) as image:
        if image.mode.startswith("I"):  # grey of 16 bits
            image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
        image = ImageOps.exif_transpose(image)
        if "A" in image.mode or "transparency" in image.info:
            clear = image.convert("RGBA")
            black = Image.new("RGBA", clear.size, (0, 0, 0, 255))
            image = Image.alpha_composite(black, clear)
        image = image.convert(mode).resize((width, height), Image.Resampling.BILINEAR)
"""
"""How a script of any program opens a picture, in the mode and size that its net takes."""

_PREPARE = {
    "table": ROWS_FED + '''    x = torch.tensor(fed, dtype=torch.float64)
''' + _SCALED,
    "image": '''

def read_picture(path):
    """The numbers of a picture from 0 to 1, shape SHAPE."""
    import numpy as np
''' + PICTURE_OPENED + '''    pixels = torch.from_numpy(np.asarray(image, np.float64) / 255)
    return pixels[None] if pixels.dim() == 2 else pixels.permute(2, 0, 1)


def prepare(pictures):
    """Pictures, each a path or numbers from 0 to 1, as the net takes them."""
    fed = [
        read_picture(p) if isinstance(p, str | Path) else torch.as_tensor(p, dtype=torch.float64)
        for p in pictures
    ]
    x = torch.stack([p.reshape(SHAPE) for p in fed])
''' + _SCALED,
    "numbers": '''

def prepare(samples):
    """Samples, each an array or a list of numbers, as the net takes them."""
    x = torch.as_tensor(samples, dtype=torch.float64).reshape(-1, *SHAPE)
''' + _SCALED,
}  # fmt: skip

_PREDICT = '''

def predict(raw):
    """Answers to raw samples, in their order: the answer, and a probability for each class."""
    net = load()
    with torch.no_grad():
        scores = {scores}
{answers}'''

_NAMED = """    return [
        {"answer": CLASSES[max(range(len(p)), key=p.__getitem__)],
         "probabilities": dict(zip(CLASSES, p, strict=True))}
        for p in shares.tolist()
    ]
"""
_PAIR = "    shares = torch.stack([1 - p, p], 1)\n" + _NAMED
_ANSWERS = {
    "softmax": "    shares = torch.softmax(scores, 1)\n" + _NAMED,
    "sigmoid": "    shares = torch.sigmoid(scores)\n" + _NAMED,
    "held": """    top = scores.max(1, keepdim=True).values
    shares = (scores / top.clamp(min=1)).clamp(min=0)
    shares = torch.where(top > 0, shares, (scores == top) * 1e-6)
"""
    + _NAMED,
    "logit": "    p = torch.sigmoid(scores.reshape(-1))\n" + _PAIR,
    "sign": "    p = ((scores.reshape(-1) + 1) / 2).clamp(0, 1)\n" + _PAIR,
    "share": "    p = scores.reshape(-1).clamp(0, 1)\n" + _PAIR,
    "numbers": """    shift, scale = (torch.tensor(n, dtype=torch.float64) for n in TARGET)
    values = (scores.double().flatten(1) * scale + shift).tolist()
    return [{"answer": v if len(v) > 1 else v[0], "probabilities": {}} for v in values]
""",
}

TORCH = Wording(_PREPARE, _PREDICT, _ANSWERS)

RAW_TEST = '''

def raw_test():
    """Whether raw samples get the answers that Gradscape gave."""
    with safe_open(HERE / "{name}.selftest.safetensors", "pt") as file:
        kept = json.loads(file.metadata()["predictions"])
    worst = 0.0
    for found, wanted in zip(predict(kept["raw"]), kept["answers"], strict=True):
        pairs = [(found["probabilities"][c], p) for c, p in wanted["probabilities"].items()]
        if not pairs:
            pairs = zip(*(torch.tensor([a["answer"]]).flatten().tolist() for a in (found, wanted)))
        elif found["answer"] != wanted["answer"]:
            worst = max(worst, abs(pairs[0][0] - pairs[0][1]) or 1.0)
        worst = max([worst, *(abs(a - b) / max(1.0, abs(b)) for a, b in pairs)])
    print(f"{{'raw samples':>20}}  {{len(kept['raw'])}}  off by {{worst:.1e}}")
    return worst <= 1e-5
'''
