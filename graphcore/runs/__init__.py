"""What a run leaves behind: snapshots, curves, logs, folders and files."""
