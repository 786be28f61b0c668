"""Kernels: one file per operator family, one per instruction set."""
