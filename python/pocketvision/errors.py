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
