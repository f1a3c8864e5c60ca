"""Everything about the selected nodes, or about the whole graph."""
