"""The machine: processes of ours, its memory, and files that a user names."""
