"""How the app looks: every colour, size and icon."""
