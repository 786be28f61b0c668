"""Galleries of enrolled people: one file on a host, and the form that firmware searches."""
