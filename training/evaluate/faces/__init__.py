"""Evaluation of face embedders: verification and identification."""
