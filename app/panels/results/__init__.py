"""How a net does on the test set."""
