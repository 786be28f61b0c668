"""The record of a model: what travels with its weights so that nobody types it twice."""

from .record import METADATA_KEY, Preprocess, Record, Threshold

__all__ = ["METADATA_KEY", "Preprocess", "Record", "Threshold"]
