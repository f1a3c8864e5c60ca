"""One window's net, data and run."""
