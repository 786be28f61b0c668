"""Identification among N enrolled: measured on new people, and what records say of it."""
