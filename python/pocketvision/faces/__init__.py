"""Faces: align, embed, compare, and galleries of templates."""
