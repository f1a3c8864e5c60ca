"""The lesson: texts with live numbers, predictions that are locked, tasks that are checked."""
