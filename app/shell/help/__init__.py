"""What one reads in the window: operators and keys, and the guide."""
