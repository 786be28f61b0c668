"""What a compiled model costs, whether a board holds it, and whether its bytes are right."""
