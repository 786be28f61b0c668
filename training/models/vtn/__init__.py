"""The Video Transformer Network (arXiv 1905.08711): encoders, decoder, streams."""

from . import network  # noqa: F401  (register)
