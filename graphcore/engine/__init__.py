"""From a graph to numbers: plans, both passes, and what can be read from them."""
