"""Several settings from the same start on the same data."""
