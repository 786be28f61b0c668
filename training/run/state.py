"""Resume points and snapshots, never half there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialise
from torch import Tensor, nn

from pocketvision.files import write_whole

LAST = "last.pt"
FORMAT = 1


class CheckpointError(RuntimeError):
    """A resume point that cannot be written or read; the message says what is still good."""


def save(folder: Path, state: dict[str, Any]) -> None:
    """Writes ``folder/last.pt``, its tensors on the host; the one before stays until it is whole.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    path = folder / LAST
    stored = _on_host(state | {"format": FORMAT})
    try:
        write_whole(path, lambda file: torch.save(stored, file))
    except (OSError, RuntimeError) as error:
        kept = f"{path} of the last checkpoint is whole" if path.exists() else "there is none yet"
        raise CheckpointError(
            f"{path}: cannot be written ({error}); {kept}. Free some space and start the same "
            "command again: it resumes there"
        ) from error


def load(folder: Path) -> dict[str, Any] | None:
    """The resume point of a run on the host, whatever wrote it, or None where there is none.

    Raises:
        CheckpointError: it is damaged, or of another format.
    """
    path = folder / LAST
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises types of its own for each kind of damage
        raise CheckpointError(
            f"{path}: not a resume point ({type(error).__name__}); delete it to start over"
        ) from error
    found = state.get("format") if isinstance(state, dict) else None
    if found != FORMAT:
        raise CheckpointError(
            f"{path}: resume point of format {found}, expected {FORMAT}; it is of "
            "another version: delete it to start over"
        )
    return state


@contextmanager
def fitting(folder: Path) -> Iterator[None]:
    """Around what puts a resume point into the parts of a run.

    Raises:
        CheckpointError: it does not fit: it is of another recipe.
    """
    try:
        yield
    except (KeyError, RuntimeError, ValueError) as error:  # torch lists what does not fit
        raise CheckpointError(
            f"{folder / LAST}: a resume point of another recipe ({type(error).__name__}); give "
            "--out another folder, or delete it to start over"
        ) from error


def save_weights(path: Path, model: nn.Module) -> None:
    """The model's state dict as safetensors, the same from any device."""
    stored = _on_host(model.state_dict())
    data = serialise({name: value.contiguous() for name, value in stored.items()})
    write_whole(path, lambda file: file.write(data))


def load_weights(path: Path, model: nn.Module) -> None:
    """Weights of the same model from safetensors.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no safetensors file, or its names or shapes do not fit; the first are named.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights")
    try:
        stored, wanted = load_file(path), model.state_dict()
    except SafetensorError as error:
        raise ValueError(f"{path}: not a safetensors file ({error}); make it again") from error
    wrong = sorted(set(stored) ^ set(wanted)) + [
        name for name in stored if name in wanted and stored[name].shape != wanted[name].shape
    ]
    if wrong:
        raise ValueError(
            f"{path}: {len(wrong)} tensors do not fit this model, the first: "
            f"{', '.join(wrong[:3])}; was it made with another recipe?"
        )
    model.load_state_dict(stored)


def _on_host(value: Any) -> Any:
    """``value`` with every tensor in its dicts and lists on the CPU."""
    if isinstance(value, Tensor):
        return value.cpu()
    if isinstance(value, dict):
        return {key: _on_host(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_on_host(item) for item in value)
    return value


def resume(out: Path, parts: Mapping[str, Any]) -> tuple[int, float]:
    """Puts ``parts`` into the state of the resume point in ``out``, if there is one.

    Returns:
        Steps done, and the seconds that they took.

    Raises:
        CheckpointError: it cannot be read, or is of another recipe.
    """
    stored = load(out)
    if stored is None:
        return 0, 0.0
    with fitting(out):
        for name, part in parts.items():
            part.load_state_dict(stored[name])
        return int(stored["step"]), float(stored["seconds"])
