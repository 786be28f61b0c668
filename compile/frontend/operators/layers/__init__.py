"""Layers with weights: convolutions and products with a matrix."""
