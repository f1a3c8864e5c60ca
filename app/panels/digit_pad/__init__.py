"""Draw a digit and see what the net makes of it."""
