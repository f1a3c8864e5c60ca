"""Where the engine runs: the choice, and what is said of it."""
