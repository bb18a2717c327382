"""What is told of the decisions: the log, derived from Decision, so that policy is not touched for it."""
