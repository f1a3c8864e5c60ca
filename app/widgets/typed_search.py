"""Which entries of a list a typed text means; every search field of the window agrees on it."""

from __future__ import annotations


def matches(typed: str, *texts: str) -> bool:
    """Return whether every typed word occurs in the texts, in whatever order and case."""
    sought = " ".join(texts).lower()
    return all(word in sought for word in typed.lower().split())


def score(typed: str, name: str, *aliases: str) -> int:
    """Return how well an entry fits; 0 if a typed word occurs neither in its name nor its aliases.

    5 the name or an alias itself, 4 the start of the name, 3 every word starts a word of name or
    aliases, 2 every word occurs in the name, 1 in name or aliases.
    """
    if not matches(typed, name, *aliases):
        return 0
    parts, low, others = typed.lower().split(), name.lower(), [a.lower() for a in aliases]
    whole = " ".join(parts)
    if whole == low or whole in others:
        return 5
    if low.startswith(whole):
        return 4
    words = [*low.split(), *others, *" ".join(others).split()]
    if all(any(word.startswith(part) for word in words) for part in parts):
        return 3
    return 2 if all(part in low for part in parts) else 1
