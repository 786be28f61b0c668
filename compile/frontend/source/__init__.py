"""A model file: its bytes, its external data, and whether it is a network at all."""
