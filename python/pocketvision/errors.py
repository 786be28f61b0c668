"""What the runtime raises: one base class, and one class per cause."""

from __future__ import annotations


class PocketvisionError(Exception):
    """Base class of every error that the runtime raises itself."""


class InputError(PocketvisionError, ValueError):
    """An argument of the wrong type, shape or content: a picture, landmarks, an embedding."""


class ModelFileError(PocketvisionError, ValueError):
    """A file that is no compiled model, is damaged, or does not suit this processor."""


class RunError(PocketvisionError, RuntimeError):
    """A model reported a failure while it ran."""


def shown(value: object) -> str:
    """``value`` as an error shows it: one short line, and also where ``repr`` itself fails."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # whatever a class of the caller's raises; integers beyond 4,300 digits
        return f"{type(value).__name__} that cannot be shown"
    return text if len(text) <= 60 else f"{text[:57]}..."
