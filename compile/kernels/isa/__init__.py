"""Instruction sets as kernels see them: widths, storage, dot products, rounding."""
