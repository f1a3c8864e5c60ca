"""Widgets that know nothing of graphs."""
