"""Buffered forms of operators: the same rules, written into tensors that live across steps."""
