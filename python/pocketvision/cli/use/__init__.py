"""Verbs for those who use models."""
