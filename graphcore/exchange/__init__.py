"""Nets of other programs: read as data, or exported from a live module, into a graph of ours."""
