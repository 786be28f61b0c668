"""Faces of whole pictures: the detector, tiles of large pictures, a photo in one call."""
