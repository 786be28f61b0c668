"""The one integer arithmetic of all targets, and constants that obey it."""
