"""Lessons in the window: what opens and leaves them, and what they point at."""
