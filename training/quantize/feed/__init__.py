"""What calibrates a network: pictures, arrays, or what a function yields, as its inputs."""

from .about import About
from .samples import Input, Sample, Samples
from .source import Source, opened

__all__ = ["About", "Input", "Sample", "Samples", "Source", "opened"]
