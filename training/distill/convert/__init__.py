"""ONNX files of plain convolutional embedders as torch modules."""

from .network import TINY, Network, read
from .nodes import UnsupportedError

__all__ = ["TINY", "Network", "UnsupportedError", "read"]
