"""All runs of the session side by side."""
