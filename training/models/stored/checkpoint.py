"""Weights for registered networks: our .safetensors, a published .pth state dict, shipped ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from pocketvision.record import Record

from ..registry import Entry, built, canonical, entry
from .published import renamed

SHOWN = 8
FOLDER = Path(__file__).resolve().parents[2] / "weights"
"""Float weights that the installation brings: all in a checkout, one network's in a wheel."""


def load(network: str | Entry, path: Path) -> nn.Module:
    """``network``, by its name or entry, in inference mode with the weights of ``path``.

    ``path``: a ``.safetensors`` file, or a state dict saved by torch (``.pth``, ``.pt``; read
    without running any code of it), plain or under ``model`` or ``state_dict``, with or without the
    ``module.`` that DataParallel adds, under our names or InsightFace's (see :mod:`published`).

    Raises:
        FileNotFoundError: no such file.
        ValueError: not such a file, or its names and shapes are not this network's; the message
            lists what is missing, unexpected and of another shape.
    """
    found = entry(network) if isinstance(network, str) else network
    model, name = found.make(), found.name
    state = renamed(read(path))
    expected = model.state_dict()
    # Published files of old torch versions have no batch counters; nothing in inference reads them.
    optional = {key for key in expected if key.endswith("num_batches_tracked")}
    problems = {
        "missing": sorted(expected.keys() - state.keys() - optional),
        "unexpected": sorted(state.keys() - expected.keys()),
        "of another shape": [
            f"{key} {tuple(state[key].shape)}, expected {tuple(expected[key].shape)}"
            for key in expected
            if key in state and state[key].shape != expected[key].shape
        ],
    }
    if any(problems.values()):
        lines = [f"{path}: these are not weights of {name!r}"]
        for title, keys in problems.items():
            if keys:
                more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
                lines.append(f"  {len(keys)} {title}: {', '.join(keys[:SHOWN])}{more}")
        raise ValueError("\n".join([*lines, "  give the name of the network they were trained as"]))
    model.load_state_dict(state, strict=not optional - state.keys())
    return model.eval()


def of_run(weights: Path) -> tuple[Entry, Record]:
    """The network of what a run left: ``weights`` (``.safetensors``), whose record is beside it.

    Raises:
        FileNotFoundError: no such weights, or no record beside them.
        ValueError: the record names no network of the zoo.
    """
    if not weights.is_file():
        raise FileNotFoundError(f"{weights}: no such file; expected weights of a training run")
    beside = weights.with_suffix(".json")
    if not beside.is_file():
        raise FileNotFoundError(
            f"{beside}: no such file; a training run writes the record that names its network "
            "beside the weights: keep the two together"
        )
    record = Record.from_json(beside.read_text(encoding="utf-8"))
    try:
        made = record.architecture
        return (built(record.name, made) if made else entry(record.name)), record
    except (KeyError, ValueError) as error:
        raise ValueError(f"{beside}: {error.args[0]}") from None


def shipped(name: str) -> Path:
    """The safetensors file of the shipped network ``name``, in either spelling, to start from.

    Raises:
        FileNotFoundError: this installation has none; names those that it has.
    """
    file = FOLDER / f"{canonical(name).replace('_', '-')}.safetensors"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.safetensors"))) or "none"
        raise FileNotFoundError(
            f"start: this installation has no shipped weights of {name}; it has those of: {known}. "
            "A checkout has all, in training/weights: give start the path of a file"
        )
    return file


def shipped_directions() -> Path:
    """The ``.npy`` of the directions of MobileFace V2 that shipped embedders of 128 numbers learnt.

    Raises:
        FileNotFoundError: this installation has none.
    """
    file = FOLDER / "mobileface-v2-128.directions.npy"
    if not file.is_file():
        raise FileNotFoundError(
            "embedding.directions: this installation has no shipped ones; a checkout has them, in "
            "training/weights: give the path of the file"
        )
    return file


def shipped_record(name: str) -> Record:
    """What is known of :func:`shipped` weights; the same errors."""
    return Record.from_json(shipped(name).with_suffix(".json").read_text(encoding="utf-8"))


def read(path: Path) -> dict[str, Tensor]:
    """Names and tensors of a weight file, ``module.`` stripped."""
    if not path.is_file():
        raise FileNotFoundError(f"weights {path}: no such file")
    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises types of its own for each kind of damage
        raise ValueError(
            f"{path}: expected a .safetensors file or a torch state dict, cannot read it "
            f"({type(error).__name__})"
        ) from error
    for key in ("model", "state_dict"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(f"{path}: expected a dict of tensors (a state dict), got other content")
    if not all(isinstance(key, str) for key in state):
        raise ValueError(f"{path}: expected names of tensors as keys (a state dict), got others")
    return {key.removeprefix("module."): value for key, value in state.items()}
