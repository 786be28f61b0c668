"""Float weights that the installation brings, to start from: all in a checkout, one in a wheel."""

from __future__ import annotations

from pathlib import Path

from pocketvision.record import Record

from .registry import canonical

FOLDER = Path(__file__).resolve().parents[1] / "weights"


def weights(name: str) -> Path:
    """The safetensors file of the shipped network ``name``, in either spelling.

    Raises:
        FileNotFoundError: this installation has none; names those that it has.
    """
    file = FOLDER / f"{canonical(name).replace('_', '-')}.safetensors"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.safetensors"))) or "none"
        raise FileNotFoundError(
            f"start: this installation has no shipped weights of {name}; it has: {known}. A "
            "checkout has those of all shipped models; training/weights of it can be --data"
        )
    return file


def record(name: str) -> Record:
    """What is known of :func:`weights`; the same errors."""
    return Record.from_json(weights(name).with_suffix(".json").read_text(encoding="utf-8"))
