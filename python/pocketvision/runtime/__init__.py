"""Compiled models: which there are, and how one is run."""
