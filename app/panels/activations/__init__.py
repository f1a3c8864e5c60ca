"""A layer with its weights and the gradients of both."""
