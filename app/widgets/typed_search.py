"""Which entries of a list a typed text means; every search field of the window agrees on it."""

from __future__ import annotations


def matches(typed: str, *texts: str) -> bool:
    """Return whether every typed word occurs in the texts, in whatever order and case."""
    sought = " ".join(texts).lower()
    return all(word in sought for word in typed.lower().split())
