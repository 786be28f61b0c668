"""Training loops, one task a folder, one loop a page."""
