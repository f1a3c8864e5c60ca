"""Fonts that ship, so that the app looks the same everywhere; see OFL.txt."""
