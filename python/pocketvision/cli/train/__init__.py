"""Verbs for those who train models."""
