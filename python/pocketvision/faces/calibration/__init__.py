"""Thresholds from pictures of known people: false accept rates, alarms by the gallery's size."""
