"""What one can look at: a folder per feature, with its messages and what computes them."""
