"""The engine process: messages, and what serves them."""
