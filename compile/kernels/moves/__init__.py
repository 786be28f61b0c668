"""Kernels that move stored values and compute nothing."""
