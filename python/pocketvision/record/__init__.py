"""The record of a model: what travels with its weights so that nobody types it twice."""

from .face import FaceEmbedding, Identification, Threshold
from .record import METADATA_KEY, Preprocess, Record

__all__ = [
    "METADATA_KEY",
    "FaceEmbedding",
    "Identification",
    "Preprocess",
    "Record",
    "Threshold",
]
