"""Small pictures that style sheets name as files."""
