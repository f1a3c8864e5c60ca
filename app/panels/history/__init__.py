"""Every undo step by name."""
