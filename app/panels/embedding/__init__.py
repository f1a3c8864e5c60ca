"""The test samples as points."""
