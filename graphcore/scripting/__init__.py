"""What a script asks of a net: answers to raw data, values of a node, the loss nearby."""
