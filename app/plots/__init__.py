"""Arrays in, pixels out; nothing here knows of graphs or documents."""
