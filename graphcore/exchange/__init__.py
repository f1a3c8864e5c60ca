"""Nets of other programs: read as data, or exported from a live module, into a graph of ours."""

SOURCE, ONNX = ".py", ".onnx"
ENDINGS = (SOURCE, ".pt2", ONNX)
"""Of the files that ``opening.open_net`` opens."""
