"""Hold a neuron, a channel or an edge at another value."""
