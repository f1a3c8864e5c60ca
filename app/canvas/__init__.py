"""The canvas: nodes and edges of the open graph, and the gestures that edit them."""

from app.canvas.view import Canvas

__all__ = ["Canvas"]
