"""Long drawings broken into rows, read like text: a chain of layers then fits a screen.

A row ends where fewest edges cross; its last node is joined to the next row's first by an edge
that runs back through the gap between the rows. Pure geometry.
"""

from __future__ import annotations

from collections.abc import Mapping

from graphcore.graph.drawing.layers import NODE_SIZE, Point
from graphcore.graph.graph import Graph

ROW_GAP, FRAMED_GAP = 80.0, 130.0
"""Room between rows, and between rows with frames round them."""
_WORTH = 1.3
"""How much larger the drawing must become on screen before rows are worth their long edges."""
_FRAME_CUT = 4
"""Number of edges that a cut through a frame counts as."""
_CROSSING = 0.35
"""A cut edge weighs as much as a row that is 60 % too long."""
_FEWEST_COLUMNS, _MOST_ROWS = 6, 12


def fold(graph: Graph, places: Mapping[str, Point], aspect: float) -> dict[str, Point]:
    """Break a drawing into the number of rows that fills a screen best.

    Args:
        places: top-left corners as ``layout`` gives them: one column per layer.
        aspect: width over height of the screen.

    Returns:
        New corners; those given if one row is best.
    """
    columns = _columns(places)
    if len(columns) < _FEWEST_COLUMNS:
        return dict(places)
    cost = _crossings(graph, columns)
    gap = FRAMED_GAP if graph.frames else ROW_GAP
    best, found = _scale(places, aspect) * _WORTH, dict(places)
    for rows in range(2, min(_MOST_ROWS, len(columns) // 2) + 1):
        candidate = _stack(places, columns, _breaks(cost, rows), gap)
        scale = _scale(candidate, aspect)
        if scale > best:
            best, found = scale, candidate
    return found


def _columns(places: Mapping[str, Point]) -> list[list[str]]:
    """Names by layer, from left to right."""
    columns: dict[float, list[str]] = {}
    for name, (x, _) in places.items():
        columns.setdefault(x, []).append(name)
    return [columns[x] for x in sorted(columns)]


def _crossings(graph: Graph, columns: list[list[str]]) -> list[int]:
    """How many different values, and frames, cross the gap after each column."""
    column = {name: i for i, names in enumerate(columns) for name in names}
    reach: dict[tuple[str, str], int] = {}
    for edge in graph.edges:
        key = edge.source, edge.output
        reach[key] = max(reach.get(key, 0), column[edge.target])
    spans = [(column[source], last, 1) for (source, _), last in reach.items()]
    for frame in graph.frames:
        held = [column[n.name] for n in graph if n.frame == frame]
        if held:
            spans.append((min(held), max(held), _FRAME_CUT))
    change = [0] * (len(columns) + 1)
    for first, last, weight in spans:
        if last > first:
            change[first] += weight
            change[last] -= weight
    crossing, counts = 0, []
    for i in range(len(columns)):
        crossing += change[i]
        counts.append(crossing)
    return counts


def _breaks(crossings: list[int], rows: int) -> list[int]:
    """Where each row starts: near an even share, moved to where fewer edges are cut."""
    share = len(crossings) / rows
    breaks = [0]
    for row in range(1, rows):
        even = row * share
        near = range(max(breaks[-1] + 1, round(even - share / 3)), round(even + share / 3) + 1)
        breaks.append(
            min(near, key=lambda i: crossings[i - 1] * _CROSSING + ((i - even) / share) ** 2)
        )
    return breaks


def _stack(
    places: Mapping[str, Point], columns: list[list[str]], breaks: list[int], gap: float
) -> dict[str, Point]:
    """Rows one below the other, each beginning at the left."""
    found: dict[str, Point] = {}
    floor = 0.0
    for begin, end in zip(breaks, [*breaks[1:], len(columns)], strict=True):
        names = [name for column in columns[begin:end] for name in column]
        left = min(places[n][0] for n in names)
        top = min(places[n][1] for n in names)
        for name in names:
            x, y = places[name]
            found[name] = (x - left, y - top + floor)
        floor = max(y for _, y in (found[n] for n in names)) + NODE_SIZE[1] + gap
    return found


def _scale(places: Mapping[str, Point], aspect: float) -> float:
    """Zoom at which the drawing fills a screen of height 1."""
    xs, ys = zip(*places.values(), strict=True)
    width, height = max(xs) - min(xs) + NODE_SIZE[0], max(ys) - min(ys) + NODE_SIZE[1]
    return float(min(aspect / width, 1 / height))
