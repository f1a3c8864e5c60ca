"""The graph as a tree."""
