"""Verbs that take a picture and write one."""
