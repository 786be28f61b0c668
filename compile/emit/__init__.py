"""What a compilation writes: objects, libraries, headers and descriptions."""
