"""The numbers of one parameter as a table."""
