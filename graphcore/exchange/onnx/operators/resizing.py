"""Resize and its older form Upsample: each axis by a table of which places are mixed how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphcore.exchange.onnx.operators.table import OnnxNode, counted, operator
from graphcore.exchange.onnx.tracing import Many, Traced, Tracer, Untraced

Table = np.ndarray[Any, Any]
LARGEST = 1 << 24


@operator("GridSample")
def grid_sample(t: Tracer, n: OnnxNode) -> Any:
    modes = {"bilinear": 0, "linear": 0, "nearest": 1, "bicubic": 2, "cubic": 2}
    outside = {"zeros": 0, "border": 1, "reflection": 2}
    mode, padding = n.get("mode", "bilinear"), n.get("padding_mode", "zeros")
    if mode not in modes or padding not in outside:
        raise Untraced(f"its mode {mode!r} is not read")
    return t.call(
        "grid_sampler", input=n.input(0), grid=n.input(1), interpolation_mode=modes[mode],
        padding_mode=outside[padding], align_corners=bool(n.get("align_corners", 0)),
    )  # fmt: skip


@operator("Upsample")
def upsample(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    scales = n.get("scales") if n.version < 9 else n.input(1).array().tolist()
    if scales is None:
        raise Untraced("its factors are missing")
    mode = n.get("mode", "nearest")
    settings = {"mode": mode, "place": "asymmetric", "round": "floor"}
    lengths = [None if s == 1 else int(x.dim(i) * s) for i, s in enumerate(scales)]
    return _resized(t, x, lengths, [float(s) for s in scales], settings)


@operator("Resize")
def resize(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    first = 1 if n.version < 11 else 2
    scales, sizes = n.optional(first), n.optional(3) if n.version >= 11 else None
    axes = n.get("axes")
    places = list(range(x.rank)) if axes is None else [counted(a, x.rank) for a in axes]
    old = n.version < 11
    settings = {
        "mode": n.get("mode", "nearest"),
        "place": n.get("coordinate_transformation_mode", "asymmetric" if old else "half_pixel"),
        "round": n.get("nearest_mode", "floor" if old else "round_prefer_floor"),
        "cubic": float(n.get("cubic_coeff_a", -0.75)), "outside": n.get("exclude_outside", 0),
    }  # fmt: skip
    if n.get("antialias", 0) or n.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Untraced("antialias and kept proportions are not read")
    lengths: list[int | None] = [None] * x.rank
    factors = [1.0] * x.rank
    if sizes is not None and sizes.ints():
        for axis, size in zip(places, sizes.ints(), strict=True):
            if size != x.dims[axis] and not (axis == 0 and size == n.batch):
                lengths[axis] = size
                factors[axis] = size / x.dim(axis)
    elif scales is not None:
        for axis, scale in zip(places, scales.array().reshape(-1).tolist(), strict=True):
            if scale != 1:
                lengths[axis], factors[axis] = int(np.floor(x.dim(axis) * scale)), float(scale)
    return _resized(t, x, lengths, factors, settings)


def _resized(
    t: Tracer, x: Traced, lengths: list[int | None], factors: list[float], settings: dict[str, Any]
) -> Any:
    if any(isinstance(n, Many) for n in lengths):
        raise Untraced("its size follows the batch")
    changed = [i for i, n in enumerate(lengths) if n is not None]
    if not changed:
        return x
    plain = _plain(t, x, lengths, factors, settings, changed)
    if plain is not None:
        return plain
    for axis in changed:
        x = _axis(t, x, axis, int(lengths[axis] or 0), factors[axis], settings)
    return x


def _plain(
    t: Tracer, x: Traced, lengths: list[int | None], factors: list[float],
    settings: dict[str, Any], changed: list[int],
) -> Any:  # fmt: skip
    """Images that grow by whole factors, as torch has them; None for others."""
    whole = all(factors[i] == round(factors[i]) for i in changed)
    if x.rank != 4 or not set(changed) <= {2, 3} or not whole:
        return None
    size = [x.dim(i) if lengths[i] is None else int(lengths[i] or 0) for i in (2, 3)]
    place = settings["place"]
    if settings["mode"] == "nearest" and (
        (place == "asymmetric" and settings["round"] == "floor")
        or (place == "half_pixel" and settings["round"].startswith("round"))
    ):
        return t.call("upsample_nearest2d", self=x, output_size=size)
    if settings["mode"] in ("linear", "bilinear") and place in ("half_pixel", "pytorch_half_pixel"):
        return t.call("upsample_bilinear2d", self=x, output_size=size, align_corners=False)
    return None


def _axis(
    t: Tracer, x: Traced, axis: int, length: int, factor: float, settings: dict[str, Any]
) -> Traced:
    """One axis: places chosen where each result is one of the old, else a product with a table."""
    old = x.dim(axis)
    if not 0 < length <= 1 << 20 or old * length > LARGEST:
        raise Untraced("its size cannot be")
    where = _places(old, length, factor, settings["place"])
    found: Traced
    if settings["mode"] == "nearest":
        chosen = np.clip(_rounded(where, settings["round"]), 0, old - 1)
        found = t.call("index_select", self=x, dim=axis, index=t.known(chosen))
        return found
    table = t.known(_mixing(where, old, settings))
    moved = t.call("movedim.int", self=x, source=axis, destination=-1)
    mixed = t.call("matmul", self=moved, other=t.call("t", self=table))
    found = t.call("movedim.int", self=mixed, source=-1, destination=axis)
    return found


def _places(old: int, length: int, factor: float, mode: str) -> Table:
    """Where on the old axis each new place lies."""
    k = np.arange(length, dtype=np.float64)
    if mode == "asymmetric":
        return k / factor
    if mode == "align_corners":
        return k * (old - 1) / (factor * old - 1) if length > 1 else k * 0
    if mode == "pytorch_half_pixel" and length == 1:
        return k * 0
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (k + 0.5) / factor - 0.5
    if mode == "half_pixel_symmetric":
        adjusted = length / (factor * old)
        return old / 2 * (1 - adjusted) + (k + 0.5) / factor - 0.5
    raise Untraced(f"its way to find places, {mode!r}, is not read")


def _rounded(where: Table, how: str) -> Table:
    ways: dict[str, Callable[[Table], Table]] = {
        "floor": np.floor, "ceil": np.ceil, "round_prefer_ceil": lambda v: np.floor(v + 0.5),
        "round_prefer_floor": lambda v: np.ceil(v - 0.5),
    }  # fmt: skip
    if how not in ways:
        raise Untraced(f"its way to round, {how!r}, is not read")
    found: Table = ways[how](where).astype(np.int64)
    return found


def _mixing(where: Table, old: int, settings: dict[str, Any]) -> Table:
    """One row for each new place: how much of each old one it is made of."""
    mode = settings["mode"]
    if mode not in ("linear", "bilinear", "trilinear", "cubic"):
        raise Untraced(f"its mode {mode!r} is not read")
    table = np.zeros((len(where), old), np.float64)
    low = np.floor(where).astype(np.int64)
    part = where - low
    shares = _cubic(part, settings.get("cubic", -0.75)) if mode == "cubic" else [1 - part, part]
    first = -1 if mode == "cubic" else 0
    for i, share in enumerate(shares):
        place = low + first + i
        inside = (place >= 0) & (place < old)
        kept = np.where(inside, share, 0) if settings.get("outside") else share
        np.add.at(table, (np.arange(len(where)), np.clip(place, 0, old - 1)), kept)
    if settings.get("outside"):
        table /= table.sum(1, keepdims=True)
    return table.astype(np.float32)


def _cubic(s: Table, a: float) -> list[Table]:
    return [
        ((a * (s + 1) - 5 * a) * (s + 1) + 8 * a) * (s + 1) - 4 * a,
        ((a + 2) * s - (a + 3)) * s * s + 1,
        ((a + 2) * (1 - s) - (a + 3)) * (1 - s) * (1 - s) + 1,
        ((a * (2 - s) - 5 * a) * (2 - s) + 8 * a) * (2 - s) - 4 * a,
    ]
