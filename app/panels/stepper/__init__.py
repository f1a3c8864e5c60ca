"""Step by step through both passes of one sample."""
