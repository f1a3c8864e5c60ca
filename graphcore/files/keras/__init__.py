"""Nets as scripts for Keras 3, written from the form that each operator gives itself."""
