"""The layers of the committed tables: chains of inverted residuals for faces at 112 pixels."""

from __future__ import annotations

from collections.abc import Iterator

STEMS = (16, 32, 48)
WIDTHS = {
    56: (16, 32, 48),
    28: (16, 32, 48, 64, 96),
    14: (32, 48, 64, 96, 128),
    7: (48, 64, 96, 128),
}
"""Channels that a map of each side may have; the least is what a stage begins with."""

HALF = {56: (16, 32, 48, 64), 28: (32, 48, 64, 96, 128), 14: (48, 64, 96, 128)}
"""Channels to which a layer may go that halves the map."""

KERNELS, EXPANSIONS = (3, 5, 7), (1, 3, 6)
HEADS, EMBEDDING = (128, 192, 256, 384, 512), 128

SHIPPED = (
    *("ir/48-112/k3e3s2/28/{}/0", "ir/112-112/k3e3s1/14/{}/0", "ir/112-192/k3e3s2/14/{}/0"),
    *("ir/192-192/k3e3s1/7/{}/0", "head/64-208-128/gdc/7/{}", "head/192-512-128/gdc/7/{}"),
)
"""What else facechain-25m and facechain-125m are made of, which searches compare with."""


def faces(activation: str = "relu") -> list[str]:
    """Keys of every layer: stem, inverted residuals on maps of 56 to 7 pixels, heads.

    Widths never fall. FaceChain's expansion by 2 is there for 3x3 kernels.
    """
    shipped = (key.format(activation) for key in SHIPPED)
    return [*_stems(activation), *_layers(activation), *_heads(activation), *shipped]


def _stems(activation: str) -> Iterator[str]:
    for width in STEMS:
        yield f"stem/3-{width}/k3s2/112/{activation}"


def _layers(activation: str) -> Iterator[str]:
    for side, widths in WIDTHS.items():
        for inputs in widths:
            pairs = [(outputs, 1) for outputs in widths]
            pairs += [(outputs, 2) for outputs in HALF.get(side, ())]
            for outputs, stride in pairs:
                if outputs < inputs:
                    continue
                for kernel in KERNELS:
                    for expansion in EXPANSIONS:
                        name = f"k{kernel}e{expansion}s{stride}"
                        yield f"ir/{inputs}-{outputs}/{name}/{side}/{activation}/0"
                if side > 14:
                    yield f"ir/{inputs}-{outputs}/k3e2s{stride}/{side}/{activation}/0"


def _heads(activation: str) -> Iterator[str]:
    for inputs in WIDTHS[7]:
        for width in HEADS:
            yield f"head/{inputs}-{width}-{EMBEDDING}/gdc/7/{activation}"
