"""Which operator a few typed letters mean; the search box and the library agree on it."""

from __future__ import annotations

from collections.abc import Sequence

from graphcore import ops

HIDDEN = {"Composite", "Output"}
NO_MATCH = 9


def ranked(text: str, recent: Sequence[str] = ()) -> list[str]:
    """Operator names that match, best first; without text all of them, recent ones in front."""
    wanted = text.strip().lower()
    names = [n for n in ops.names() if n not in HIDDEN]
    if not wanted:
        return [*(n for n in recent if n in names), *(n for n in names if n not in recent)]
    scored = [(score(n, wanted), n) for n in names]
    return [n for found, n in sorted(scored, key=lambda s: s[0]) if found < NO_MATCH]


def score(name: str, wanted: str) -> int:
    """0 for the name or an alias itself, more for the start of one or a part of one."""
    low = name.lower()
    aliases = [a.lower() for a in ops.get(name).aliases]
    if low == wanted or wanted in aliases:
        return 0
    if low.startswith(wanted):
        return 1
    if any(a.startswith(wanted) for a in aliases):
        return 2
    return 3 if wanted in low else 4 if any(wanted in a for a in aliases) else NO_MATCH
