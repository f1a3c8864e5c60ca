"""Choose the sample that is explained."""
