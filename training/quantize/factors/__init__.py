"""Scales and slopes moved by their last bits, so that integer factors give the same results."""
