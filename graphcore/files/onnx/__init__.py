"""Nets as ONNX files, written from the form that each operator gives itself."""
