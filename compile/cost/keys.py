"""Keys: the text that says everything about one layer of a network of inverted residuals."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import CompileError

ACTIVATIONS = ("relu", "prelu", "swish")
LARGEST = 4096
"""More than any channel count or map side of a small network."""

FORMS = {
    "stem": "stem/3-16/k3s2/112/relu",
    "ir": "ir/16-24/k3e3s2/56/relu/0",
    "head": "head/128-512-128/gdc/7/relu",
}
"""An example of each kind: channels, then what the layer does, side of its input map, activation;
an inverted residual ends with its squeeze, 0 for none. A head is 1x1 to its second number of
channels, ``gdc`` (a depthwise kernel as large as the map) or ``mean``, and a linear layer."""


@dataclass(frozen=True)
class Stem:
    """A dense convolution of the picture, with batch norm and activation."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    size: int
    activation: str


@dataclass(frozen=True)
class Residual:
    """1x1 expansion (none where ``expansion`` is 1), depthwise, squeeze and excite, linear 1x1.

    The input is added where the shape stays. ``squeeze``: width of the squeeze as a share of
    ``inputs``, 0 for none.
    """

    inputs: int
    outputs: int
    kernel: int
    expansion: int
    stride: int
    size: int
    activation: str
    squeeze: float

    @property
    def hidden(self) -> int:
        """Channels of the depthwise convolution."""
        return self.inputs * self.expansion

    @property
    def added(self) -> bool:
        """Whether the input is added to the result."""
        return self.stride == 1 and self.inputs == self.outputs


@dataclass(frozen=True)
class Head:
    """1x1 to ``width``, ``pool`` ("gdc" or "mean") over the map, linear to the embedding."""

    inputs: int
    width: int
    embedding: int
    pool: str
    size: int
    activation: str


Layer = Stem | Residual | Head

_PATTERNS = {
    "stem": re.compile(r"stem/(\d+)-(\d+)/k(\d+)s(\d+)/(\d+)/(\w+)"),
    "ir": re.compile(r"ir/(\d+)-(\d+)/k(\d+)e(\d+)s(\d+)/(\d+)/(\w+)/(0(?:\.\d+)?)"),
    "head": re.compile(r"head/(\d+)-(\d+)-(\d+)/(gdc|mean)/(\d+)/(\w+)"),
}


def parse(key: str) -> Layer:
    """The layer of a key.

    Raises:
        CompileError: it has none of the ``FORMS``, or a number or activation that no layer has.
    """
    kind = key.partition("/")[0]
    found = _PATTERNS[kind].fullmatch(key) if kind in _PATTERNS else None
    if found is None:
        raise CompileError(f"key {key!r}: expected a layer such as {', '.join(FORMS.values())}")
    words = found.groups()
    numbers = [int(word) for word in words if word.isdigit()]
    if kind == "ir":
        numbers = [int(word) for word in words[:6]]
    if min(numbers) < 1 or max(numbers) > LARGEST:
        raise CompileError(f"key {key!r}: expected numbers from 1 to {LARGEST}")
    layer: Layer
    if kind == "stem":
        inputs, outputs, kernel, stride, size = numbers
        layer = Stem(inputs, outputs, kernel, stride, size, words[5])
    elif kind == "ir":
        inputs, outputs, kernel, expansion, stride, size = numbers
        squeeze = float(words[7])
        layer = Residual(inputs, outputs, kernel, expansion, stride, size, words[6], squeeze)
    else:
        inputs, width, embedding, size = numbers
        layer = Head(inputs, width, embedding, words[3], size, words[5])
    if layer.activation not in ACTIVATIONS:
        raise CompileError(
            f"key {key!r}: activation {layer.activation!r}: expected one of "
            f"{', '.join(ACTIVATIONS)}"
        )
    if not isinstance(layer, Head) and not (layer.kernel % 2 and layer.kernel <= layer.size):
        raise CompileError(
            f"key {key!r}: kernel {layer.kernel}: expected an odd number up to the map's side"
        )
    return layer


def read(text: str) -> list[str]:
    """Keys, one a line, each once; empty lines and what follows a ``#`` do not count.

    Raises:
        CompileError: a line is no key; it is numbered.
    """
    found: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key = line.partition("#")[0].strip()
        if not key:
            continue
        try:
            parse(key)
        except CompileError as error:
            raise CompileError(f"line {number}: {error}") from None
        found[key] = None
    if not found:
        raise CompileError("expected keys, one a line, got none")
    return list(found)
