"""Every node whose shapes do not fit or whose inputs are open."""
