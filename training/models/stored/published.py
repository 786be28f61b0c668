"""The names that InsightFace's networks give to weights, as the names of ours.

``arcface_torch/backbones/iresnet.py`` and ``mobilefacenet.py`` of InsightFace, and the spelling of
``mobilefacenet`` that its first PyTorch port has (``conv_6_dw``). The layers are the same in the
same order; a linear layer over one pixel is a 1x1 convolution here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from torch import Tensor

State = dict[str, Tensor]

_UNIT = {
    **{"bn1": "body.0", "conv1": "body.1", "bn2": "body.2", "prelu": "body.3"},
    **{"conv2": "body.4", "bn3": "body.5", "downsample.0": "shortcut.0"},
    "downsample.1": "shortcut.1",
}
_IRESNET = {
    **{"conv1": "stem.0", "bn1": "stem.1", "prelu": "stem.2"},
    **{"bn2": "tail.0", "fc": "tail.2", "features": "tail.3"},
}
_LAYERS = {
    **{"conv_sep.layers": "tail.0", "layers.0.layers": "stem.0", "layers.1.layers": "stem.1"},
    **{"features.layers.0.layers.0": "tail.1", "features.layers.0.layers.1": "tail.2"},
    **{"features.layers.2": "tail.3", "features.layers.3": "tail.4"},
}
_PORT = {
    **{"conv1": "stem.0", "conv2_dw": "stem.1", "conv_6_sep": "tail.0"},
    **{"conv_6_dw.conv": "tail.1", "conv_6_dw.bn": "tail.2", "linear": "tail.3", "bn": "tail.4"},
}
_PORT_PARTS = {"conv": "0", "conv_dw": "1", "project": "2"}
_PORT_STEPS = {"conv": "0", "bn": "1", "prelu": "2"}
_PORT_ORDER = ("conv_23", "conv_3", "conv_34", "conv_4", "conv_45", "conv_5")


def renamed(state: State) -> State:
    """``state`` under our names where its names are InsightFace's, else as it is.

    A name that no rule knows stays, so that whoever loads the result can report it.
    """
    for mark, rename in _SCHEMES.items():
        if mark in state:
            found = dict(zip(rename(state), state.values(), strict=True))
            last = found.get("tail.3.weight")
            if rename is not _iresnet and last is not None and last.ndim == 2:
                found["tail.3.weight"] = last[:, :, None, None]
            return found
    return state


def _iresnet(state: State) -> Iterator[str]:
    units = _numbered(state, r"(layer[1-4]\.\d+)\..*")
    for name in state:
        match = re.fullmatch(r"(layer[1-4]\.\d+)\.([a-z]+\d?(?:\.[01])?)\.(\w+)", name)
        if match and match[2] in _UNIT:
            yield f"blocks.{units[match[1]]}.{_UNIT[match[2]]}.{match[3]}"
        else:
            yield _outside(name, _IRESNET)


def _layers(state: State) -> Iterator[str]:
    block = r"(layers\.\d+(?:\.layers\.\d+)?)\.layers\.(\d)\.layers\.(\d\.\w+)"
    blocks = _numbered(state, block)
    for name in state:
        match = re.fullmatch(block, name)
        if match:
            yield f"blocks.{blocks[match[1]]}.net.{match[2]}.{match[3]}"
        else:
            yield _outside(name, _LAYERS)


def _port(state: State) -> Iterator[str]:
    block = r"(conv_\d+(?:\.model\.\d+)?)\.(conv|conv_dw|project)\.(conv|bn|prelu)\.(\w+)"
    blocks = _numbered(state, block)
    for name in state:
        match = re.fullmatch(block, name)
        if match:
            part, step = _PORT_PARTS[match[2]], _PORT_STEPS[match[3]]
            yield f"blocks.{blocks[match[1]]}.net.{part}.{step}.{match[4]}"
            continue
        match = re.fullmatch(r"(conv1|conv2_dw|conv_6_sep)\.(conv|bn|prelu)\.(\w+)", name)
        if match:
            yield f"{_PORT[match[1]]}.{_PORT_STEPS[match[2]]}.{match[3]}"
        else:
            yield _outside(name, _PORT)


def _outside(name: str, names: dict[str, str]) -> str:
    """``name`` with the longest of ``names`` that starts it replaced."""
    fitting = [start for start in names if name.startswith(f"{start}.")]
    start = max(fitting, key=len, default="")
    return names[start] + name.removeprefix(start) if start else name


def _numbered(state: State, pattern: str) -> dict[str, int]:
    """The place of each distinct first group of ``pattern``, in the order of the layers."""
    matches = (re.fullmatch(pattern, name) for name in state)
    return {
        name: place for place, name in enumerate(sorted({m[1] for m in matches if m}, key=_key))
    }


def _key(name: str) -> tuple[int | str, ...]:
    first, *rest = name.split(".")
    where: int | str = _PORT_ORDER.index(first) if first in _PORT_ORDER else first
    return (where, *(int(part) for part in rest if part.isdigit()))


_SCHEMES: dict[str, Callable[[State], Iterator[str]]] = {
    "layer1.0.conv1.weight": _iresnet,
    "conv_sep.layers.0.weight": _layers,
    "conv_6_dw.conv.weight": _port,
}
"""Per naming a name that only it has."""
