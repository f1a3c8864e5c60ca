"""The open graph, its file and its undo history."""
