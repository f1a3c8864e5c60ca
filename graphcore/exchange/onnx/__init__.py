"""Reads ONNX files as data: each node becomes one or a few aten calls of a ``Program``."""
