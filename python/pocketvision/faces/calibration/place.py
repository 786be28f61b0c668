"""Where the calibration of a compiled model lies: all that an embedder without one has to know."""

from __future__ import annotations

import os
import re

SUFFIX = ".calibration.json"

_VARIANT = re.compile(r"\.(x86-64|aarch64)-[a-z0-9]+$")


def beside(model: str | os.PathLike[str]) -> str:
    """The path of its calibration: ``FACE.so`` has ``FACE.calibration.json``, and so have
    ``FACE.TARGET.so``, whose embeddings are those of any other target."""
    return _VARIANT.sub("", os.fspath(model).removesuffix(".so")) + SUFFIX
