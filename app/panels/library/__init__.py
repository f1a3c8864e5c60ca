"""Every operator by category, and the graphs that ship."""
