"""What is wrong with a net that does not learn, and what usually helps."""
