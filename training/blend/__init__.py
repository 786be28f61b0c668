"""Weights between a network and its fine-tuned form, the share chosen on people held out."""
