"""Kernels of float32 values: in, out, and between."""
