"""Automatic layout: layers from left to right, few crossings, straight chains.

Pure geometry in five steps: layers by longest path, sources pulled to just before their nearest
consumer, barycentre ordering, vertical alignment by weighted least squares under the order
(pool-adjacent-violators), and columns. Long edges pass through dummy points so that nodes make way
for them.

Source:
    Sugiyama, Tagawa & Toda, IEEE Trans. SMC 11 (1981); Best & Chakravarti, Math. Programming 47
    (1990) for pool adjacent violators.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from graphcore.graph.graph import Graph

Point = tuple[float, float]
Size = tuple[float, float]
NODE_SIZE: Size = (180.0, 120.0)
GAP_X, GAP_Y = 60.0, 40.0
_ORDER_SWEEPS, _ALIGN_SWEEPS = 6, 5
_DUMMY_GAP = 24.0
_DUMMY_WEIGHT = 1e3
_FREE_WEIGHT = 1e-3


def layout(
    graph: Graph,
    sizes: Mapping[str, Size] | None = None,
    *,
    pinned: Collection[str] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, Point]:
    """Top-left corner of every node, in canvas units.

    Args:
        sizes: width and height of nodes; others count as 180 x 120.
        pinned: nodes that stay where they are; left out, those with ``Node.pinned``. The rest
            keeps clear of them.
        cancelled: asked between steps; once it says yes, the answer is an empty dict.
    """
    stop = cancelled or (lambda: False)
    if pinned is None:
        pinned = [n.name for n in graph.nodes if n.pinned]
    fixed = {name: p for name in pinned if (p := graph.node(name).position) is not None}
    drawing = _Drawing.of(graph, sizes or {})
    for i in range(_ORDER_SWEEPS):
        if stop():
            return {}
        drawing.order(forward=i % 2 == 0)
    for i in range(_ALIGN_SWEEPS):
        if stop():
            return {}
        drawing.align(forward=i % 2 == 0)
    drawing.settle_sources()
    placed = drawing.positions()
    return _around(placed, fixed, drawing.size_of) if fixed else _at_origin(placed)


@dataclass
class _Drawing:
    """The layered graph; points are numbered, the nodes first and then the dummies."""

    names: list[str]
    sizes: list[Size]
    layer: list[int]
    before: list[list[int]]
    after: list[list[int]]
    layers: list[list[int]] = field(default_factory=list)
    y: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, graph: Graph, sizes: Mapping[str, Size]) -> _Drawing:
        names = list(graph.topological_order())
        number = {name: i for i, name in enumerate(names)}
        before: list[list[int]] = [[] for _ in names]
        after: list[list[int]] = [[] for _ in names]
        for edge in graph.edges:
            source, target = number[edge.source], number[edge.target]
            if source not in before[target]:
                before[target].append(source)
                after[source].append(target)
        boxes = [sizes.get(name, NODE_SIZE) for name in names]
        drawing = cls(names, boxes, _layers(before, after), before, after)
        drawing._add_dummies()
        drawing._start()
        return drawing

    def size_of(self, name: str) -> Size:
        return self.sizes[self._number[name]]

    def order(self, forward: bool) -> None:
        """Sort every layer by the mean place of its neighbours in the layers passed already."""
        place = [0.0] * len(self.layer)
        for points in self.layers:
            for i, p in enumerate(points):
                place[p] = i / len(points)
        near = self.before if forward else self.after
        for points in self.layers if forward else reversed(self.layers):
            key = {
                p: sum(place[q] for q in near[p]) / len(near[p]) if near[p] else place[p]
                for p in points
            }
            points.sort(key=key.__getitem__)
            for i, p in enumerate(points):
                place[p] = i / len(points)

    def align(self, forward: bool) -> None:
        """Move every point towards its neighbours' mean height, keeping order and gaps."""
        near = self._main if forward else self.after
        y, nodes = self.y, len(self.names)
        for points in self.layers if forward else reversed(self.layers):
            wanted, weights = [], []
            for p in points:
                close = near[p]
                wanted.append(sum(y[q] for q in close) / len(close) if close else y[p])
                weights.append((_DUMMY_WEIGHT if p >= nodes else 1.0) if close else _FREE_WEIGHT)
            self._place(points, wanted, weights)

    def settle_sources(self) -> None:
        """Bring weights, labels and constants beside what they feed; all else stays."""
        for points in self.layers:
            loose = [not self.before[p] and bool(self.after[p]) for p in points]
            if any(loose) and not all(loose):
                wanted = [
                    sum(self.y[q] for q in self.after[p]) / len(self.after[p])
                    if free
                    else self.y[p]
                    for p, free in zip(points, loose, strict=True)
                ]
                weights = [_FREE_WEIGHT**2 if free else 1.0 for free in loose]
                self._place(points, wanted, weights)

    def _place(self, points: list[int], wanted: list[float], weights: list[float]) -> None:
        heights = _separated(wanted, weights, self._steps(points))
        for p, height in zip(points, heights, strict=True):
            self.y[p] = height

    def positions(self) -> dict[str, Point]:
        """Top-left corners; each layer is a column as wide as its widest node."""
        found: dict[str, Point] = {}
        left = 0.0
        for points in self.layers:
            nodes = [p for p in points if p < len(self.names)]
            width = max((self.sizes[p][0] for p in nodes), default=0.0)
            for p in nodes:
                w, h = self.sizes[p]
                found[self.names[p]] = (round(left + (width - w) / 2), self.y[p] - h / 2)
            left += width + GAP_X
        return found

    def _add_dummies(self) -> None:
        """Cut edges that skip layers into steps of one layer, unless there are far too many."""
        spans = sum(
            self.layer[t] - self.layer[s] - 1 for s, ts in enumerate(self.after) for t in ts
        )
        self._number = {name: i for i, name in enumerate(self.names)}
        if spans > 4 * len(self.names) + 200:
            return
        for source in range(len(self.names)):
            for place, target in enumerate(self.after[source]):
                previous = source
                for layer in range(self.layer[source] + 1, self.layer[target]):
                    dummy = len(self.layer)
                    self.layer.append(layer)
                    self.before.append([previous])
                    self.after.append([target])
                    if previous == source:
                        self.after[source][place] = dummy
                    else:
                        self.after[previous] = [dummy]
                    previous = dummy
                if previous != source:
                    self.before[target] = [
                        previous if q == source else q for q in self.before[target]
                    ]

    def _start(self) -> None:
        """Fill the layers, connected parts one below the other, and stack each layer."""
        part = _parts(self.before, self.after)
        self.layers = [[] for _ in range(max(self.layer, default=-1) + 1)]
        for p in sorted(range(len(self.layer)), key=lambda p: (part[p], p)):
            self.layers[self.layer[p]].append(p)
        self.y = [0.0] * len(self.layer)
        self._main = [self._main_line(near) for near in self.before]

    def _main_line(self, near: list[int]) -> list[int]:
        """The predecessors that a point lines up with.

        A long edge first, so that it runs straight beside the nodes that it skips; weights and
        labels that join from the side come last, so that a chain stays straight.
        """
        long = [q for q in near if q >= len(self.names)]
        return long or [q for q in near if self.before[q]] or near

    def _steps(self, points: list[int]) -> list[float]:
        """Least distance between the centres of neighbours in a layer."""
        nodes = len(self.names)
        half = [self.sizes[p][1] / 2 if p < nodes else 0.0 for p in points]
        real = [p < nodes for p in points]
        return [
            half[i] + half[i + 1] + (GAP_Y if real[i] and real[i + 1] else _DUMMY_GAP)
            for i in range(len(points) - 1)
        ]


def _layers(before: list[list[int]], after: list[list[int]]) -> list[int]:
    """Longest path from the left; then sources move to just before their nearest consumer."""
    layer = [0] * len(before)
    for p, near in enumerate(before):
        layer[p] = max((layer[q] + 1 for q in near), default=0)
    for p, near in enumerate(before):
        if not near and after[p]:
            layer[p] = min(layer[q] for q in after[p]) - 1
    return layer


def _parts(before: list[list[int]], after: list[list[int]]) -> list[int]:
    """Number of the connected part of every point."""
    part = [-1] * len(before)
    for start in range(len(before)):
        if part[start] < 0:
            part[start] = start
            stack = [start]
            while stack:
                p = stack.pop()
                for q in (*before[p], *after[p]):
                    if part[q] < 0:
                        part[q] = start
                        stack.append(q)
    return part


def _separated(wanted: list[float], weights: list[float], steps: list[float]) -> list[float]:
    """Heights nearest to the wanted ones (weighted least squares) that are ``steps`` apart."""
    offset, offsets = 0.0, [0.0]
    for step in steps:
        offset += step
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []
    for value, weight, shift in zip(wanted, weights, offsets, strict=False):
        mean, total, count = value - shift, weight, 1
        while blocks and blocks[-1][0] >= mean:
            m, w, c = blocks.pop()
            mean, total, count = (m * w + mean * total) / (w + total), w + total, c + count
        blocks.append((mean, total, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + shift for mean, shift in zip(means, offsets, strict=False)]


def _at_origin(placed: dict[str, Point]) -> dict[str, Point]:
    top = min((y for _, y in placed.values()), default=0.0)
    return {name: (x, round(y - top)) for name, (x, y) in placed.items()}


def _around(
    placed: dict[str, Point], fixed: dict[str, Point], size_of: Callable[[str], Size]
) -> dict[str, Point]:
    """Move the drawing to where the fixed nodes are, and free nodes down, clear of them."""
    dx = sum(p[0] - placed[n][0] for n, p in fixed.items()) / len(fixed)
    dy = sum(p[1] - placed[n][1] for n, p in fixed.items()) / len(fixed)
    boxes = [(p, size_of(n)) for n, p in fixed.items()]
    columns: dict[float, list[str]] = {}
    for name in sorted(placed.keys() - fixed.keys(), key=lambda n: placed[n][1]):
        x, (w, _) = placed[name][0], size_of(name)
        columns.setdefault(x + w / 2, []).append(name)
    found = dict(fixed)
    for names in columns.values():
        widest = max(size_of(n)[0] for n in names)
        middle = placed[names[0]][0] + size_of(names[0])[0] / 2 + dx
        left, right = middle - widest / 2 - GAP_X, middle + widest / 2 + GAP_X
        spans = sorted((p[1], p[1] + s[1]) for p, s in boxes if p[0] < right and p[0] + s[0] > left)
        floor = float("-inf")
        for name in names:
            x, y = placed[name]
            height = size_of(name)[1]
            top = max(y + dy, floor)
            for start, end in spans:
                if top < end + GAP_Y and top + height > start - GAP_Y:
                    top = end + GAP_Y
            found[name] = (round(x + dx), round(top))
            floor = round(top) + height + GAP_Y
    return found
