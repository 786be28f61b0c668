"""Post-training static int8 quantisation; ``quantize_model`` is the whole road."""

from .run import quantize_model

__all__ = ["quantize_model"]
