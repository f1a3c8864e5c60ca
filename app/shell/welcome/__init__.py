"""The welcome page, with a picture of each graph."""
