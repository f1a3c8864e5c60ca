"""From aten calls to operators: a rule for each call that one or several of ours compute."""
