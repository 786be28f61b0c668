"""Operators that move values and compute nothing, and the resizing of maps."""
