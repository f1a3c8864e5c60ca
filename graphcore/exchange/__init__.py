"""Nets of other programs: read as data, or exported from a live module, into a graph of ours."""

SOURCE = ".py"
ENDINGS = (SOURCE, ".pt2")
"""Of the files that ``opening.open_net`` opens."""
