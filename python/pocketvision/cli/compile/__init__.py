"""Verbs for those who compile models."""
