"""The quality of a face: a small int8 network that learns how well an embedding survives."""
