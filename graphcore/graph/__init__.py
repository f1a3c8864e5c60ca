"""What a net is, without a number: nodes, edges, shapes, and what may be joined to what."""
