"""Products of two activations, and layer norm."""
