"""Small vision networks as int8 machine code: embed and compare faces with numpy alone.

>>> import pocketvision
>>> embedder = pocketvision.Embedder("pocketnet-s-128")
>>> a, b = embedder.embed(crops)            # uint8 (2, 112, 112, 3) -> float32 (2, 128)
>>> print(pocketvision.verify(a, b, far=1e-2))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .clips.classifier import ClipClassifier
    from .errors import InputError, ModelFileError, PocketvisionError, RunError
    from .faces.alignment import align
    from .faces.compare import Verdict, similarity, top_k, verify
    from .faces.embedder import Embedder
    from .faces.embeddings import Embeddings
    from .faces.find.detector import Detector
    from .faces.find.face import Face
    from .faces.find.photo import Faces
    from .faces.gallery.answer import Identification
    from .faces.gallery.gallery import Gallery
    from .faces.int8.search import Int8Gallery
    from .faces.open_set import OpenSet, open_set
    from .faces.quality import Quality
    from .pictures import read_picture
    from .record import Record
    from .restore.restorer import Restorer
    from .runtime.model import Model

__version__ = "0.1.0"

# Resolved at first use, so that a program pays at start-up only for what it touches.
_HOMES = {
    "ClipClassifier": "clips.classifier",
    "Detector": "faces.find.detector",
    "Embedder": "faces.embedder",
    "Embeddings": "faces.embeddings",
    "Face": "faces.find.face",
    "Faces": "faces.find.photo",
    "Gallery": "faces.gallery.gallery",
    "Identification": "faces.gallery.answer",
    "InputError": "errors",
    "Int8Gallery": "faces.int8.search",
    "Model": "runtime.model",
    "ModelFileError": "errors",
    "OpenSet": "faces.open_set",
    "PocketvisionError": "errors",
    "Quality": "faces.quality",
    "Record": "record",
    "Restorer": "restore.restorer",
    "RunError": "errors",
    "Verdict": "faces.compare",
    "align": "faces.alignment",
    "open_set": "faces.open_set",
    "read_picture": "pictures",
    "similarity": "faces.compare",
    "top_k": "faces.compare",
    "verify": "faces.compare",
}

__all__ = [
    "ClipClassifier",
    "Detector",
    "Embedder",
    "Embeddings",
    "Face",
    "Faces",
    "Gallery",
    "Identification",
    "InputError",
    "Int8Gallery",
    "Model",
    "ModelFileError",
    "OpenSet",
    "PocketvisionError",
    "Quality",
    "Record",
    "Restorer",
    "RunError",
    "Verdict",
    "align",
    "open_set",
    "read_picture",
    "similarity",
    "top_k",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pocketvision' has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
