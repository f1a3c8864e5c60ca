"""How a script for Keras prepares raw samples and names answers, in numpy."""

from __future__ import annotations

from graphcore.files.torch.raw import PICTURE_OPENED, ROWS_FED, Wording

_SCALED = """    x = (x - np.array(SHIFT)) / np.array(SCALE)
    return TURN
"""

_FIRST = 'x.astype("float32").reshape(FED)'
_LAST = f"np.moveaxis({_FIRST}, 1, -1)"

_PREPARE = {
    "table": ROWS_FED + '''    x = np.array(fed)
''' + _SCALED,
    "image": '''

def read_picture(path):
    """The numbers of a picture from 0 to 1, shape SHAPE."""
''' + PICTURE_OPENED + '''    pixels = np.asarray(image, np.float64) / 255
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def prepare(pictures):
    """Pictures, each a path or numbers from 0 to 1, as the net takes them."""
    fed = [read_picture(p) if isinstance(p, str | Path) else np.asarray(p) for p in pictures]
    x = np.stack([p.reshape(SHAPE) for p in fed])
''' + _SCALED,
    "numbers": '''

def prepare(samples):
    """Samples, each an array or a list of numbers, as the net takes them."""
    x = np.asarray(samples, np.float64).reshape(-1, *SHAPE)
''' + _SCALED,
}  # fmt: skip

_PREDICT = '''

def predict(raw):
    """Answers to raw samples, in their order: the answer, and a probability for each class."""
    net = load()
    scores = keras.ops.convert_to_numpy({scores})
{answers}'''

_NAMED = """    return [
        {"answer": CLASSES[int(np.argmax(p))], "probabilities": dict(zip(CLASSES, p, strict=True))}
        for p in shares.tolist()
    ]
"""
_PAIR = "    shares = np.stack([1 - p, p], 1)\n" + _NAMED
_ANSWERS = {
    "softmax": """    powers = np.exp(scores - scores.max(1, keepdims=True))
    shares = powers / powers.sum(1, keepdims=True)
""" + _NAMED,
    "logit": "    p = 1 / (1 + np.exp(-scores.reshape(-1)))\n" + _PAIR,
    "sign": "    p = ((scores.reshape(-1) + 1) / 2).clip(0, 1)\n" + _PAIR,
    "share": "    p = scores.reshape(-1).clip(0, 1)\n" + _PAIR,
    "numbers": """    shift, scale = (np.array(n) for n in TARGET)
    values = (scores.astype("float64").reshape(len(scores), -1) * scale + shift).tolist()
    return [{"answer": v if len(v) > 1 else v[0], "probabilities": {}} for v in values]
""",
}  # fmt: skip

KERAS = {
    last: Wording(
        {k: t.replace("TURN", _LAST if last else _FIRST) for k, t in _PREPARE.items()},
        _PREDICT, _ANSWERS,
    )
    for last in (False, True)
}  # fmt: skip
"""By whether the net takes channels last."""

RAW_TEST = '''

def raw_test():
    """Whether raw samples get the answers that Gradscape gave."""
    with safe_open(HERE / "{name}.selftest.safetensors", "np") as file:
        kept = json.loads(file.metadata()["predictions"])
    worst = 0.0
    for found, wanted in zip(predict(kept["raw"]), kept["answers"], strict=True):
        pairs = [(found["probabilities"][c], p) for c, p in wanted["probabilities"].items()]
        if not pairs:
            pairs = zip(np.ravel(found["answer"]), np.ravel(wanted["answer"]), strict=True)
        elif found["answer"] != wanted["answer"]:
            worst = max(worst, abs(pairs[0][0] - pairs[0][1]) or 1.0)
        worst = max([worst, *(abs(a - b) / max(1.0, abs(b)) for a, b in pairs)])
    print(f"{{'raw samples':>20}}  {{len(kept['raw'])}}  off by {{worst:.1e}}")
    return worst <= 1e-5
'''
