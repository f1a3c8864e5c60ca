"""Two runs on one playhead."""
