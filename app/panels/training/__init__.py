"""Curves, figures, and what is trained on and how."""
