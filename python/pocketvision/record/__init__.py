"""The record of a model: what travels with its weights so that nobody types it twice."""

from .face import FaceEmbedding, Threshold
from .record import METADATA_KEY, Preprocess, Record

__all__ = ["METADATA_KEY", "FaceEmbedding", "Preprocess", "Record", "Threshold"]
