"""Depthwise convolutions, one family a file."""
