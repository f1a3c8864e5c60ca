"""What checks may ask, a file per subject; a function here is all that a new one takes."""

# Importing a subject registers its functions.
from graphcore.lessons.facts import (  # noqa: F401
    classes,
    experiments,
    graph,
    groups,
    regions,
    runs,
    scripts,
    values,
)
