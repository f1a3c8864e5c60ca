"""Weights that are kept when a net is edited while it learns."""
