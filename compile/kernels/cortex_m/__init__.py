"""Primitives of Cortex-M: DSP instructions and Helium vectors."""
