"""Post-training static int8 quantisation; ``quantize_model`` is the whole road."""

from .run import Quantised, quantize_model

__all__ = ["Quantised", "quantize_model"]
