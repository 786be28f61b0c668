"""Labelled clips: videos, folders of frames and contact sheets, by the lists that sets have."""
