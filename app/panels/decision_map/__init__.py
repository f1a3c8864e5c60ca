"""The plane as a net of two inputs divides it."""
