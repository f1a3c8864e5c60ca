"""The distribution of a node's numbers over the run."""
