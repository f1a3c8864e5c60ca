"""What crosses the pipe between the window and the engine: arrays and pictures."""
