"""Stored weights: their files, their records, and the names that others published them under."""
