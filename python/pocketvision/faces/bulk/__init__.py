"""Embeddings of millions of files, over the cores of one machine or of many, by Ray Data."""
