"""The loss on planes through the space of all weights."""
