"""Rewrites of an ONNX model that keep its meaning: one a file, in the order of ``normalise.py``."""
