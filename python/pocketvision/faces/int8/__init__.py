"""Embeddings as int8 templates, and the exact search among a million of them."""
