"""Faces of few pixels made sharp by a compiled network."""
