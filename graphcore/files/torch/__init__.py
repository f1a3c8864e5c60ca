"""Graphs as PyTorch scripts, and PyTorch modules read from their source."""
